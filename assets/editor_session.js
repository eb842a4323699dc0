// The editing session: it is kept alive, goes on after a save, and ends.

import { hush, tell } from "./editor_notice.js";
import { ask, csrf } from "./page.js";
import { say } from "./words.js";

const ALIVE_EVERY_MS = 60000;
/** The server waits itself for a save that is on its way: these are for the rest. */
const PAUSES_MS = [0, 1000, 3000, 5000, 10000];

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {object} page as in editor.js @returns {boolean} */
export function isEditing(page) {
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
      tell(say("The document is being saved. It opens again in a moment."));
    }
  }
  tell(say("The document cannot be opened again: {reason}", { reason: problem }), [
    { label: say("Try again"), act: () => refresh(page), primary: true },
    { label: say("Back"), act: () => location.assign(page.data.folder) },
  ]);
}

function leave(page) {
  page.editor.destroyEditor();
  location.assign(page.data.folder);
}

/** Keep the session, each minute. Who may not be here any more has a minute to close the file. */
function keepAlive(page) {
  let isRefused = false;
  setInterval(async () => {
    if (!page.data.alive || !isEditing(page)) return;
    const address = page.data.alive + page.config.document.key;
    const sent = ask(address, { method: "POST", headers: { "X-CSRF-Token": csrf } });
    const answer = await sent.catch(() => null); // a server that cannot be reached is asked again
    if (answer?.status !== 404) return;
    if (isRefused) {
      leave(page);
      return;
    }
    isRefused = true;
    tell(say("What let you in has ended. What you typed is kept; this page closes in a minute."));
    close(page);
  }, ALIVE_EVERY_MS);
}

/** @param {object} page as in editor.js @returns {object} events */
export function session(page) {
  keepAlive(page);
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
    onRequestClose: () => leave(page),
    onRequestRefreshFile: refreshOnce,
    // The same, of servers before 8.3.
    onOutdatedVersion: refreshOnce,
    onDocumentStateChange: (event) => {
      document.title = document.title.replace(/^• /, "");
      if (event.data) document.title = `• ${document.title}`;
    },
  };
}
