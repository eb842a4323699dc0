// Files from inside the editor: save a copy, rename, insert from other files (Docs API, "Events").

import { get, post } from "./editor_ask.js";
import { pick } from "./picker.js";

const TITLES = { compare: "Compare with a document", combine: "Combine with a document", "insert-text": "Insert text from a document" };

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
  dialog.innerHTML = `<h2>Saved</h2><p></p><menu>
    <button type="button" class="button">Close</button><a class="button primary" target="_blank" rel="noopener">Open it</a></menu>`;
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
    title: "Save a copy",
    action: "Save here",
    start: folderOf(page),
    name: title,
    act: ({ folder, name }) => post("save-as", { path: page.data.path, folder, title: name, filetype: fileType, url }),
  });
  if (!copy) return page.editor.grabFocus();
  page.editor.showMessage(`A copy was saved as ${copy.name}.`);
  offer(page, copy);
}

async function rename(page, title) {
  try {
    moved(page, await post("rename", { path: page.data.path, title }));
  } catch (fault) {
    page.editor.showMessage(`The document was not renamed. ${fault.message}`);
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
    action: "Insert",
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
    image: { onRequestInsertImage: ({ data }) => insert(page, "image", data.c, "Insert a picture") },
    document: {
      onRequestSelectDocument: ({ data }) => insert(page, "document", data.c, TITLES[data.c] ?? "Choose a document"),
    },
    spreadsheet: {
      onRequestSelectSpreadsheet: ({ data }) => insert(page, "spreadsheet", data.c, "Recipients from a spreadsheet"),
    },
  };
  const mine = (page.data.can ?? "").split(" ").map((name) => events[name] ?? {});
  return Object.assign({ onMetaChange: ({ data }) => data.title && follow(page) }, ...mine);
}
