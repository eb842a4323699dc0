// The editing session: it is kept alive, goes on after a save, and ends.

import { ask, csrf } from "./page.js";

const ALIVE_EVERY_MS = 60000;

/** @param {object} page as in editor.js @returns {object} events */
export function session(page) {
  const { alive, folder } = page.data;
  if (alive) {
    setInterval(() => {
      ask(alive, { method: "POST", headers: { "X-CSRF-Token": csrf } }).catch(() => {});
    }, ALIVE_EVERY_MS);
  }
  return {
    onRequestClose: () => {
      page.editor.destroyEditor();
      location.assign(folder);
    },
    // The document was saved and its key is used up: go on with the next one.
    onRequestRefreshFile: async () => {
      try {
        page.editor.refreshFile(await page.fresh());
      } catch {
        location.reload();
      }
    },
    onOutdatedVersion: () => location.reload(),
    onDocumentStateChange: (event) => {
      document.title = document.title.replace(/^• /, "");
      if (event.data) document.title = `• ${document.title}`;
    },
  };
}
