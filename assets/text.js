// The text editor: a WebDAV client in the page. It locks the file, and saves only over the state it read.

import { ask, words } from "./page.js";
import { language, say } from "./words.js";

const area = document.querySelector("#text");
const save = document.querySelector("#save");
const state = document.querySelector("#state");
const trouble = document.querySelector("#trouble");
const url = area.dataset.href;
const mayEdit = "mayEdit" in area.dataset;

const LOCK_SECONDS = 180;
const REFRESH_MS = 60000;
const LOCK_BODY =
  '<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>' +
  "<D:locktype><D:write/></D:locktype><D:owner>the text editor in the browser</D:owner></D:lockinfo>";

let etag = "";
let token = "";
let saved = "";
/** What a text area would silently change: the byte order mark and the ends of lines. */
let form = { mark: "", newline: "\n" };

function complain(message, canReload = false) {
  trouble.querySelector("span").textContent = message;
  trouble.querySelector("#reload").hidden = !canReload;
  trouble.hidden = false;
}

function showState() {
  const changed = area.value !== saved;
  if (save) save.disabled = !changed || area.readOnly;
  if (changed) state.textContent = say("not saved");
}

async function load() {
  const response = await ask(url, { cache: "no-store" });
  if (!response.ok) return complain(await words(response), true);
  const bytes = await response.arrayBuffer();
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return complain(say("This file is not UTF-8 text, so it cannot be edited here without damage."));
  }
  form = { mark: text.startsWith("\ufeff") ? "\ufeff" : "", newline: text.includes("\r\n") ? "\r\n" : "\n" };
  etag = response.headers.get("ETag");
  area.value = text.slice(form.mark.length);
  saved = area.value;
  trouble.hidden = true;
  state.textContent = "";
  area.readOnly = !mayEdit || !token;
  showState();
}

async function lock() {
  const response = await ask(url, {
    method: "LOCK",
    headers: { Depth: "0", Timeout: `Second-${LOCK_SECONDS}`, "Content-Type": "application/xml" },
    body: LOCK_BODY,
  });
  if (!response.ok) return complain(say("{reason} You can read it here.", { reason: await words(response) }), true);
  token = response.headers.get("Lock-Token");
}

/** Keep the lock; take a new one if it ran out while the computer slept and nobody else has the file. */
async function keepLock() {
  if (!token) return;
  const response = await ask(url, {
    method: "LOCK",
    headers: { If: `(${token})`, Timeout: `Second-${LOCK_SECONDS}` },
  });
  if (response.status === 412) {
    token = "";
    await lock();
  }
}

/** @param {string} text */
function put(text) {
  const body = form.mark + (form.newline === "\n" ? text : text.replaceAll("\n", form.newline));
  return ask(url, { method: "PUT", headers: { "If-Match": etag, If: `(${token})` }, body });
}

/** After a refused save: whether only the lock had run out, and now we have it again. */
async function lockedAgain() {
  const response = await ask(url, { method: "HEAD", cache: "no-store" });
  if (response.headers.get("ETag") !== etag) return false;
  token = "";
  await lock();
  return Boolean(token);
}

async function store() {
  if (area.readOnly || area.value === saved) return;
  const text = area.value;
  save.disabled = true;
  state.textContent = say("saving…");
  let response;
  try {
    response = await put(text);
    if (response.status === 412 && (await lockedAgain())) response = await put(text);
  } catch {
    complain(say("The server cannot be reached. Your text is still here; try again."));
    return showState();
  }
  if (response.ok) {
    etag = response.headers.get("ETag");
    saved = text;
    trouble.hidden = true;
    state.textContent = say("saved at {time}", { time: new Date().toLocaleTimeString(language) });
  } else if (response.status === 412) {
    complain(say("The file was changed by somebody else meanwhile. Copy what you need, then load it anew."), true);
  } else {
    complain(await words(response));
  }
  showState();
}

area.addEventListener("input", showState);
area.addEventListener("keydown", (event) => {
  if (event.key === "Tab" && !event.shiftKey && !area.readOnly) {
    event.preventDefault();
    area.setRangeText("\t", area.selectionStart, area.selectionEnd, "end");
    showState();
  }
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    store();
  }
});
save?.addEventListener("click", store);
trouble.querySelector("#reload").addEventListener("click", async () => {
  if (mayEdit && !token) await lock();
  await load();
});
window.addEventListener("beforeunload", (event) => {
  if (area.value !== saved) event.preventDefault();
});
window.addEventListener("pagehide", () => {
  if (token) fetch(url, { method: "UNLOCK", headers: { "Lock-Token": token }, keepalive: true });
});

if (mayEdit) {
  await lock();
  setInterval(() => keepLock().catch(() => {}), REFRESH_MS);
}
await load();
if (!area.readOnly) area.focus();
