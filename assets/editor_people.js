// People from inside the editor: who can be mentioned, their pictures, and telling them.

import { get, post } from "./editor_ask.js";
import { say, sayMany } from "./words.js";

async function show(page, data) {
  const { c, id, from, count, search } = data;
  const query = { path: page.data.path, c, from: from ?? "", count: count ?? "", search: search ?? "" };
  if (c === "info") query.ids = (id ?? []).join("\n");
  try {
    page.editor.setUsers(await get("people", query));
  } catch {
    // The list in the editor stays empty; it asks again.
    page.editor.setUsers({ c, users: [] });
  }
}

async function tell(page, { actionLink, message, emails }) {
  const fields = { path: page.data.path, message, emails: emails.join("\n"), anchor: JSON.stringify(actionLink ?? {}) };
  try {
    const { told, others } = await post("mention", fields);
    const words = told.length ? [sayMany("{names} will be told.", "{names} will be told.", told.length, { names: told.join(", ") })] : [];
    if (others.length) words.push(say("Not told, for they cannot open this document: {names}.", { names: others.join(", ") }));
    if (words.length) page.editor.showMessage(words.join(" "));
  } catch (fault) {
    page.editor.showMessage(say("Nobody was told. {reason}", { reason: fault.message }));
  }
}

/** @param {object} page as in editor.js @returns {object} events */
export function people(page) {
  const can = (page.data.can ?? "").split(" ");
  const events = can.includes("people") ? { onRequestUsers: ({ data }) => show(page, data) } : {};
  if (can.includes("mention")) events.onRequestSendNotify = ({ data }) => tell(page, data);
  return events;
}
