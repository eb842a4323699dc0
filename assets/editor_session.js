// The editing session: it is kept alive, goes on after a save, and ends.

import { hush, tell } from "./editor_notice.js";
import { ask, csrf } from "./page.js";

const ALIVE_EVERY_MS = 60000;
/** The server waits itself for a save that is on its way: these are for the rest. */
const PAUSES_MS = [0, 1000, 3000, 5000, 10000];

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {object} page as in editor.js */
function isEditing(page) {
  return page.config.editorConfig.mode === "edit";
}

/** Ask for the file to be closed: the editor asks about what is not saved yet. */
function close(page) {
  if (page.editor?.requestClose) page.editor.requestClose();
  else location.assign(page.data.folder);
}

/** The key is used up: go on with the next one, once the last save is stored. */
async function refresh(page, anew) {
  const used = page.config.document.key;
  let problem = "";
  for (const pause of PAUSES_MS) {
    await after(pause);
    try {
      const config = await page.fresh({ used });
      hush();
      if (page.editor.refreshFile && !anew) {
        page.config = config;
        page.editor.refreshFile(config);
      } else {
        page.reopen(config);
      }
      return;
    } catch (fault) {
      problem = fault.message;
      // What is no passing fault stays.
      if (fault.status && fault.status < 500) break;
      tell("The document is being saved. It opens again in a moment.");
    }
  }
  tell(`The document cannot be opened again: ${problem}`, [
    { label: "Try again", act: () => refresh(page), primary: true },
    { label: "Back", act: () => location.assign(page.data.folder) },
  ]);
}

/** @param {object} page as in editor.js @returns {object} events */
export function session(page) {
  const { alive } = page.data;
  setInterval(() => {
    if (!alive || !isEditing(page)) return;
    const address = alive + page.config.document.key;
    ask(address, { method: "POST", headers: { "X-CSRF-Token": csrf } }).catch(() => {});
  }, ALIVE_EVERY_MS);
  document.querySelector("#notice a[href]:last-child")?.addEventListener("click", (event) => {
    if (!isEditing(page)) return;
    event.preventDefault();
    close(page);
  });
  let refreshing = null;
  const refreshOnce = (anew) => {
    refreshing ??= refresh(page, anew === true).finally(() => {
      refreshing = null;
    });
    return refreshing;
  };
  page.refresh = refreshOnce;
  return {
    onRequestClose: () => {
      page.editor.destroyEditor();
      location.assign(page.data.folder);
    },
    onRequestRefreshFile: refreshOnce,
    // The same, of servers before 8.3.
    onOutdatedVersion: refreshOnce,
    onDocumentStateChange: (event) => {
      document.title = document.title.replace(/^• /, "");
      if (event.data) document.title = `• ${document.title}`;
    },
  };
}
