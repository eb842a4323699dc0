// Files from inside the editor: save a copy, rename, insert from other files (Docs API, "Events").

import { get, post } from "./editor_ask.js";
import { pick } from "./picker.js";
import { say } from "./words.js";

const TITLES = {
  compare: say("Compare with a document"),
  combine: say("Combine with a document"),
  "insert-text": say("Insert text from a document"),
};

/** The folder of the open document, as our routes take it. */
const folderOf = (page) => page.data.path.slice(0, page.data.path.lastIndexOf("/") + 1);

/** Take over where the document is now: the page's addresses, and what the address bar shows. */
function moved(page, where) {
  const fresh = new URL(page.data.fresh, location.href);
  fresh.searchParams.set("path", where.path);
  page.data.fresh = fresh.pathname + fresh.search;
  page.data.path = where.path;
  page.data.folder = where.folder;
  if (page.data.share) page.data.share = where.share;
  const views = location.pathname.includes("/-/view/");
  history.replaceState(null, "", views ? where.edit.replace("/-/edit/", "/-/view/") : where.edit);
  document.title = document.title.replace(/^(• )?.*( · davserver)$/, (_, changed = "", end) => `${changed}${where.name}${end}`);
}

/** Say that a copy is there, and offer to open it. */
function offer(page, copy) {
  const dialog = document.createElement("dialog");
  dialog.innerHTML = `<h2></h2><p></p><menu>
    <button type="button" class="button"></button><a class="button primary" target="_blank" rel="noopener"></a></menu>`;
  dialog.querySelector("h2").textContent = say("Saved");
  dialog.querySelector("button").textContent = say("Close");
  dialog.querySelector("a").textContent = say("Open it");
  dialog.querySelector("p").textContent = copy.name;
  dialog.querySelector("a").href = copy.open;
  dialog.addEventListener("click", (event) => event.target.closest("a, button") && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    page.editor.grabFocus();
  });
  document.body.append(dialog);
  dialog.showModal();
}

async function saveAs(page, { fileType, title, url }) {
  const copy = await pick({
    title: say("Save a copy"),
    action: say("Save here"),
    start: folderOf(page),
    name: title,
    act: ({ folder, name }) => post("save-as", { path: page.data.path, folder, title: name, filetype: fileType, url }),
  });
  if (!copy) return page.editor.grabFocus();
  page.editor.showMessage(say("A copy was saved as {name}.", { name: copy.name }));
  offer(page, copy);
}

async function rename(page, title) {
  try {
    moved(page, await post("rename", { path: page.data.path, title }));
  } catch (fault) {
    page.editor.showMessage(say("The document was not renamed. {reason}", { reason: fault.message }));
  }
}

/** Somebody renamed it: the file is the same one, under another address. */
async function follow(page) {
  try {
    const { fileKey, instanceId } = page.config.document.referenceData;
    moved(page, await get("where", { file: fileKey, instance: instanceId }));
  } catch {
    // It is somewhere where this person may not read it: saving goes on, and a reload tells them.
  }
}

/** Let the person choose, and hand the signed addresses to the editor. */
async function insert(page, kind, c, title) {
  const argument = await pick({
    title,
    action: say("Insert"),
    kind,
    many: kind === "image" && c !== "change",
    start: folderOf(page),
    act: ({ paths }) => get("insert", { server: page.data.server, kind, c, paths: paths.join("\n") }),
  });
  page.editor.grabFocus();
  if (!argument) return;
  const methods = { image: "insertImage", document: "setRequestedDocument", spreadsheet: "setRequestedSpreadsheet" };
  page.editor[methods[kind]](argument);
}

/** @param {object} page as in editor.js @returns {object} events */
export function files(page) {
  const events = {
    "save-as": { onRequestSaveAs: ({ data }) => saveAs(page, data) },
    rename: { onRequestRename: ({ data }) => rename(page, data) },
    image: { onRequestInsertImage: ({ data }) => insert(page, "image", data.c, say("Insert a picture")) },
    document: {
      onRequestSelectDocument: ({ data }) => insert(page, "document", data.c, TITLES[data.c] ?? say("Choose a document")),
    },
    spreadsheet: {
      onRequestSelectSpreadsheet: ({ data }) => insert(page, "spreadsheet", data.c, say("Recipients from a spreadsheet")),
    },
  };
  const mine = (page.data.can ?? "").split(" ").map((name) => events[name] ?? {});
  return Object.assign({ onMetaChange: ({ data }) => data.title && follow(page) }, ...mine);
}
