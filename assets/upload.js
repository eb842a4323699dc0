// Sending files: a small one in one request, a large one in pieces, so that a broken connection costs a piece (tus 1.0).

import { base, signInAgain } from "./page.js";
import { say } from "./words.js";

const PIECE_BYTES = 8 * 2 ** 20;
const TRIES = 12;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
const TUS = { "Tus-Resumable": "1.0.0" };

/** @callback Show @param {number} part between 0 and 1 @param {string} [words] instead of the percentage */

/** Give `take` the files that somebody chooses with the button or drops on the page.
 * @param {HTMLElement | null} button @param {HTMLInputElement} picker
 * @param {HTMLElement} drop shown while files are over the page
 * @param {(files: File[]) => Promise<void>} take
 */
export function takeFiles(button, picker, drop, take) {
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  button?.addEventListener("click", () => picker.click());
  picker.addEventListener("change", async () => {
    await take([...picker.files]);
    picker.value = "";
  });
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    drop.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    drop.hidden = true;
    // A dropped folder has no bytes to send; the file manager's own copy takes folders.
    const files = [...event.dataTransfer.items]
      .filter((item) => !item.webkitGetAsEntry?.()?.isDirectory)
      .map((item) => item.getAsFile())
      .filter(Boolean);
    take(files);
  });
}

/** Store `file` at `url`, a path on this server; resolves to words if it fails.
 * @param {File} file @param {string} url @param {Show} show
 * @returns {Promise<string | undefined>}
 */
export async function send(file, url, show) {
  const path = decoded(url.slice(base.length));
  if (file.size > PIECE_BYTES && path !== undefined) return inPieces(file, path, show);
  return (await whole(file, url, show)).failure;
}

/** Store `file` by one request; resolves to the answer's text, and to words if it fails.
 * @returns {Promise<{text?: string, failure?: string}>}
 */
export async function whole(file, url, show) {
  const headers = { "X-OC-Mtime": seconds(file) };
  try {
    const answer = await request("PUT", url, headers, file, (bytes) => show(bytes / (file.size || 1)));
    return answer.status < 300 ? { text: answer.responseText } : { failure: words(answer) };
  } catch {
    return { failure: say("The connection broke off; nothing was changed.") };
  }
}

/** Goes on where the server stands, after every failure that may pass; also in a page that was loaded again. */
async function inPieces(file, path, show) {
  const remembered = `upload ${base}${path} ${file.size} ${file.lastModified}`;
  const upload = { address: localStorage.getItem(remembered), offset: undefined };
  let failures = 0;
  for (;;) {
    const answer = await step(upload, file, path, show).catch(() => undefined);
    if (answer === undefined || mayPass(answer)) {
      failures += 1;
      if (failures > TRIES) return answer ? words(answer) : say("The connection broke off; send the file again to go on.");
      upload.offset = undefined;
      show((upload.stored ?? 0) / file.size, say("waiting for the connection…"));
      await new Promise((resolve) => setTimeout(resolve, Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS)));
      continue;
    }
    if (upload.address && [404, 410].includes(answer.status)) {
      upload.address = null;
    } else if (answer.status >= 300) {
      return words(answer);
    } else {
      failures = 0;
      upload.address ??= answer.getResponseHeader("Location");
      upload.offset = upload.stored = Number(answer.getResponseHeader("Upload-Offset"));
    }
    if (upload.address && upload.offset !== file.size) localStorage.setItem(remembered, upload.address);
    else localStorage.removeItem(remembered);
    if (upload.offset === file.size) return undefined;
  }
}

/** The next request of an upload: begin it, ask where it stands, or send a piece. */
function step(upload, file, path, show) {
  if (!upload.address) {
    const metadata = `path ${base64(path)},mtime ${base64(seconds(file))}`;
    return request("POST", `${base}/-/upload/`, { ...TUS, "Upload-Length": file.size, "Upload-Metadata": metadata });
  }
  if (upload.offset === undefined) return request("HEAD", upload.address, TUS);
  const headers = { ...TUS, "Upload-Offset": upload.offset, "Content-Type": "application/offset+octet-stream" };
  const piece = file.slice(upload.offset, upload.offset + PIECE_BYTES);
  return request("PATCH", upload.address, headers, piece, (bytes) => show((upload.offset + bytes) / file.size));
}

/** Whether the same upload may go on after this answer: the server is busy, or stands elsewhere. */
function mayPass(answer) {
  const told = answer.getResponseHeader("Retry-After") ?? answer.getResponseHeader("Upload-Offset");
  return answer.status >= 500 || (answer.status >= 400 && told !== null);
}

/** One request; rejects if the connection breaks.
 * @returns {Promise<XMLHttpRequest>}
 */
function request(method, url, headers, body = null, progress = () => {}) {
  return new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest();
    asked.upload.onprogress = (event) => progress(event.loaded);
    asked.onload = () => {
      if (asked.status === 401) signInAgain();
      resolve(asked);
    };
    asked.onerror = () => reject(new Error("the connection broke"));
    asked.open(method, url);
    for (const [name, value] of Object.entries(headers)) asked.setRequestHeader(name, value);
    asked.send(body);
  });
}

function words(answer) {
  const text = answer.responseText.trim();
  return text && !text.startsWith("<") ? text : say("The server answered {status}.", { status: answer.status });
}

/** The path of an address; undefined where its name is not UTF-8, which the metadata cannot carry. */
function decoded(address) {
  try {
    return decodeURIComponent(address);
  } catch {
    return undefined;
  }
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function seconds(file) {
  return (file.lastModified / 1000).toFixed(3);
}
