// The listing's actions: each is one WebDAV request to the address that is shown.

import { ask, localizeTimes, shareIn, words } from "./page.js";
import { send, takeFiles } from "./upload.js";
import { percent, say } from "./words.js";

const listing = document.querySelector("#listing");
const filter = document.querySelector("#filter");
const here = location.pathname;

const AGAIN_MS = 1000;

/** Fetch this page again and show its listing; not under somebody's open menu. */
async function refresh() {
  const response = await ask(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector("#listing");
  if (!fresh) return;
  if (listing.querySelector("details.menu[open]")) {
    setTimeout(refresh, AGAIN_MS);
    return;
  }
  const focused = document.activeElement?.closest("tr")?.dataset.name;
  listing.replaceChildren(...fresh.childNodes);
  localizeTimes(listing);
  applyFilter();
  if (focused) rowOf(focused)?.querySelector("td.name a").focus();
}

/** @param {string} name @returns {HTMLTableRowElement | undefined} */
function rowOf(name) {
  return [...listing.querySelectorAll("tbody tr")].find((row) => row.dataset.name === name);
}

// --- Asking ------------------------------------------------------------------------------------------

const dialog = document.querySelector("#ask");
const form = dialog.querySelector("form");

/** Ask for a name or a yes; `act` does the work and returns words if it fails.
 * @param {{title: string, text?: string, value?: string, action: string, danger?: boolean,
 *   act: (answer: string) => Promise<string | undefined>}} question
 */
function askFor({ title, text = "", value, action, danger = false, act }) {
  const input = form.elements.answer;
  const problem = form.querySelector(".problem");
  const confirm = form.querySelector("button[value=ok]");
  form.querySelector("h2").textContent = title;
  form.querySelector("p").textContent = text;
  form.querySelector("p").hidden = !text;
  input.hidden = value === undefined;
  input.value = value ?? "";
  confirm.textContent = action;
  confirm.classList.toggle("danger", danger);
  problem.hidden = true;
  form.onsubmit = async (event) => {
    event.preventDefault();
    confirm.disabled = true;
    try {
      const failure = await act(input.value.trim());
      problem.textContent = failure ?? "";
      problem.hidden = !failure;
      if (!failure) dialog.close();
    } catch {
      problem.textContent = say("The server cannot be reached.");
      problem.hidden = false;
    } finally {
      confirm.disabled = false;
    }
  };
  dialog.showModal();
  if (value === undefined) {
    confirm.focus();
  } else {
    const dot = value.lastIndexOf(".");
    input.setSelectionRange(0, dot > 0 ? dot : value.length);
  }
}
form.querySelector("button[value=cancel]").addEventListener("click", () => dialog.close());

/** One request; the words of its failure, or nothing.
 * @param {string} url @param {RequestInit} options
 */
async function change(url, options) {
  const response = await ask(url, options);
  if (!response.ok || response.status === 207) return words(response);
  await refresh();
}

/** The address of a name in this folder, or words about the name. */
function address(name) {
  if (!name || name === "." || name === "..") return { problem: say("Give it a name.") };
  if (name.includes("/")) return { problem: say("A name cannot contain a slash.") };
  return { url: here + encodeURIComponent(name) };
}

document.querySelector("#new-folder")?.addEventListener("click", () => {
  askFor({
    title: say("New folder"),
    value: say("New folder"),
    action: say("Create"),
    act: async (name) => {
      const { url, problem } = address(name);
      return problem ?? change(`${url}/`, { method: "MKCOL" });
    },
  });
});

for (const button of document.querySelectorAll("[data-new]")) {
  button.addEventListener("click", () => {
    button.closest("details").open = false;
    const { new: kind, template = "" } = button.dataset;
    askFor({
      title: template ? say("New from {name}", { name: button.dataset.name }) : button.dataset.name,
      value: `${button.dataset.name}.${kind}`,
      action: say("Create"),
      act: async (name) => {
        const { problem } = address(name);
        if (problem) return problem;
        const create = document.querySelector("#create");
        create.elements.kind.value = kind;
        create.elements.name.value = name;
        create.elements.template.value = template;
        create.submit();
      },
    });
  });
}

/** @param {HTMLTableRowElement} row */
function rename(row) {
  const { name, href } = row.dataset;
  askFor({
    title: say("Rename {name}", { name }),
    value: name,
    action: say("Rename"),
    act: async (answer) => {
      const { url, problem } = address(answer);
      if (problem) return problem;
      if (answer === name) return undefined;
      const slash = "folder" in row.dataset ? "/" : "";
      const failure = await change(href, {
        method: "MOVE",
        headers: { Destination: new URL(url + slash, location.href).href, Overwrite: "F" },
      });
      return failure && rowOf(answer) ? say("There is already something called {name}.", { name: answer }) : failure;
    },
  });
}

/** @param {HTMLTableRowElement} row */
function remove(row) {
  const folder = "folder" in row.dataset;
  askFor({
    title: say("Delete {name}?", { name: row.dataset.name }),
    text: folder
      ? say("The folder and everything in it goes to the server's trash.")
      : say("The file goes to the server's trash, with its versions."),
    action: say("Delete"),
    danger: true,
    act: async () => change(row.dataset.href, { method: "DELETE" }),
  });
}

listing.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  button.closest("details").open = false;
  const row = button.closest("tr");
  if (button.dataset.do === "rename") rename(row);
  else remove(row);
});

listing.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-share]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  link.closest("details").open = false;
  shareIn(link.getAttribute("href"));
});

// --- Uploading ---------------------------------------------------------------------------------------

const transfers = document.querySelector("#transfers");
const picker = document.querySelector("#upload-files");
const mayWrite = picker !== null;

/** @param {File} file */
async function upload(file) {
  const { url, problem } = address(file.name);
  const line = document.createElement("div");
  line.className = "transfer";
  line.innerHTML = "<p><b></b><span></span></p><progress max=1 value=0></progress>";
  line.querySelector("b").textContent = file.name;
  transfers.append(line);
  transfers.hidden = false;
  const bar = line.querySelector("progress");
  const state = line.querySelector("span");
  const show = (part, words) => {
    bar.value = part;
    state.textContent = words ?? (part < 1 ? percent(part) : say("storing…"));
  };
  const failure = problem ?? (await send(file, url, show));
  bar.remove();
  state.textContent = failure ?? (rowOf(file.name) ? say("new version stored") : say("stored"));
  state.classList.toggle("problem", Boolean(failure));
  setTimeout(() => {
    line.remove();
    transfers.hidden = !transfers.children.length;
  }, failure ? 15000 : 4000);
}

/** @param {Iterable<File>} files */
async function uploadAll(files) {
  for (const file of files) await upload(file);
  await refresh();
}

if (mayWrite) takeFiles(document.querySelector("#upload"), picker, document.querySelector("#drop"), uploadAll);

// --- Finding one's way -------------------------------------------------------------------------------

function applyFilter() {
  const wanted = filter.value.trim().toLocaleLowerCase();
  let shown = 0;
  for (const row of listing.querySelectorAll("tbody tr")) {
    row.hidden = !row.dataset.name.toLocaleLowerCase().includes(wanted);
    shown += !row.hidden;
  }
  const nothing = listing.querySelector("#nothing-matches");
  if (nothing) nothing.hidden = shown > 0;
}
filter.addEventListener("input", applyFilter);

/** Move the focus to the next shown row up or down. */
function step(direction) {
  const links = [...listing.querySelectorAll("tbody tr:not([hidden]) td.name > a")];
  const at = links.indexOf(document.activeElement?.closest("tr")?.querySelector("td.name > a"));
  links[Math.max(0, Math.min(links.length - 1, at + direction))]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = document.activeElement?.closest("#listing tbody tr");
  const typing = document.activeElement?.matches("input, textarea");
  if (event.key === "/" && !typing) {
    filter.focus();
  } else if (event.key === "Escape" && document.activeElement === filter) {
    filter.value = "";
    applyFilter();
    return;
  } else if (event.key === "ArrowDown") {
    step(1);
  } else if (event.key === "ArrowUp" && !typing) {
    step(-1);
  } else if (event.key === "F2" && row && mayWrite) {
    rename(row);
  } else if (event.key === "Delete" && row && mayWrite && !typing) {
    remove(row);
  } else {
    return;
  }
  event.preventDefault();
});

// Who is editing changes while the page is open.
setInterval(() => {
  const busy = dialog.open || transfers.children.length;
  if (!document.hidden && !busy) refresh();
}, 30000);
