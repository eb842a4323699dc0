// The editor's panel of versions: lists them, opens each with what was changed, restores.

import { get, post } from "./editor_ask.js";
import { dateAndTime } from "./page.js";

/** A moment as the reader writes it. The Document Server tells its own in UTC, without saying so.
 * @param {string} moment like 2026-11-25T09:14:28+00:00 or 2026-11-25 09:14:28 @returns {string}
 */
function written(moment) {
  const spelled = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(moment) ? `${moment.replace(" ", "T")}Z` : moment;
  const read = new Date(spelled);
  return Number.isNaN(read.getTime()) ? moment : dateAndTime.format(read);
}

/** What refreshHistory takes.
 * @param {{currentVersion: number, history: object[]}} told by the server
 */
function panel(told) {
  const history = told.history.map(({ name, ...version }) => ({
    ...version,
    created: name ? `${written(version.created)} · ${name}` : written(version.created),
    changes: version.changes?.map((change) => ({ ...change, created: written(change.created) })),
  }));
  return { currentVersion: told.currentVersion, history };
}

/** @param {object} page as in editor.js @returns {object} events */
export function history(page) {
  if (!("history" in page.data)) return {};
  /** Of the document, wherever it is by now. */
  const asked = (more) => get("history", { path: page.data.path, server: page.data.server, ...more });

  /** Show the versions, or why there are none. */
  async function show(asking) {
    try {
      page.editor.refreshHistory(panel(await asking));
    } catch (fault) {
      page.editor.refreshHistory({ error: fault.message });
    }
  }

  const events = {
    onRequestHistory: () => show(asked()),
    onRequestHistoryData: async (event) => {
      try {
        page.editor.setHistoryData(await asked({ version: event.data }));
      } catch (fault) {
        page.editor.setHistoryData({ error: fault.message, version: event.data });
      }
    },
    // Who looked at versions has left the session: open the document anew.
    onRequestHistoryClose: () => location.reload(),
  };
  if ("restores" in page.data) {
    events.onRequestRestore = (event) => {
      const { version, url, fileType } = event.data;
      const state = url ? { url, filetype: fileType ?? "" } : {};
      return show(post("history", { path: page.data.path, version, ...state }));
    };
  }
  return events;
}
