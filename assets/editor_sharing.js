// Sharing from inside the editor: our own dialog, and what the editor tells of it.

import { shareIn } from "./page.js";

/** @param {object} page as in editor.js @returns {object} events */
export function sharing(page) {
  if (!page.data.share) return {};
  return {
    onRequestSharingSettings: async () => {
      await shareIn(page.data.share);
      const fresh = await page.fresh();
      page.editor.setSharingSettings({ sharingSettings: fresh.document.info.sharingSettings ?? [] });
    },
  };
}
