// People from inside the editor: who can be mentioned, their pictures, and telling them.

import { get, post } from "./editor_ask.js";

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
    const words = told.length ? [`${told.join(", ")} will be told.`] : [];
    if (others.length) words.push(`Not told, for they cannot open this document: ${others.join(", ")}.`);
    if (words.length) page.editor.showMessage(words.join(" "));
  } catch (fault) {
    page.editor.showMessage(`Nobody was told. ${fault.message}`);
  }
}

/** @param {object} page as in editor.js @returns {object} events */
export function people(page) {
  const can = (page.data.can ?? "").split(" ");
  const events = can.includes("people") ? { onRequestUsers: ({ data }) => show(page, data) } : {};
  if (can.includes("mention")) events.onRequestSendNotify = ({ data }) => tell(page, data);
  return events;
}
