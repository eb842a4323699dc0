// What every page does: dates in the reader's own form, and menus that close like menus.

import { language, say } from "./words.js";

/** A moment in the reader's language and zone. */
export const dateAndTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const toTheSecond = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

/** Show every time in the reader's language and zone; the exact one stays in the tooltip.
 * @param {ParentNode} within
 */
export function localizeTimes(within) {
  for (const element of within.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    const minutes = Math.round((moment - Date.now()) / 60000);
    element.title = dateAndTime.format(moment);
    if ("seconds" in element.dataset) element.textContent = toTheSecond.format(moment);
    else if (minutes > -60 && minutes <= 0) element.textContent = relative.format(minutes, "minute");
    else if (minutes > -60 * 20 && minutes <= 0) element.textContent = relative.format(Math.round(minutes / 60), "hour");
    else element.textContent = dateAndTime.format(moment);
  }
}

/** The base path of the site and the proof that a form is ours. */
export const base = document.body.dataset.base;
export const csrf = document.body.dataset.csrf;

/** Ask the server; a session that has ended leads to the sign-in page and back.
 * @param {string} url
 * @param {RequestInit} options
 * @returns {Promise<Response>}
 */
export async function ask(url, options = {}) {
  const response = await fetch(url, { credentials: "same-origin", ...options });
  if (response.status === 401) signInAgain();
  return response;
}

export function signInAgain() {
  const here = location.pathname.slice(base.length) || "/";
  location.assign(`${base}/-/login?next=${encodeURIComponent(here)}`);
}

/** The server's own words about a failure.
 * @param {Response} response
 * @returns {Promise<string>}
 */
export async function words(response) {
  const text = (await response.text()).trim();
  return text && text.length < 500 && !text.startsWith("<") ? text : say("The server answered {status}.", { status: response.status });
}

/** Show a share page over this one, and say when it was closed.
 * @param {string} address @returns {Promise<void>}
 */
export function shareIn(address) {
  const dialog = document.createElement("dialog");
  dialog.className = "share-dialog";
  dialog.innerHTML = '<iframe></iframe><button type="button" class="button small close"></button>';
  dialog.querySelector("iframe").title = say("Share");
  dialog.querySelector("iframe").src = `${address}?in=dialog`;
  dialog.querySelector("button").textContent = say("Close");
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  const byPage = (event) => {
    if (event.origin === location.origin && event.data === "close-share") dialog.close();
  };
  addEventListener("message", byPage);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      removeEventListener("message", byPage);
      dialog.remove();
      resolve();
    });
  });
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A menu near the bottom of the window opens upwards.
document.addEventListener(
  "toggle",
  (event) => {
    const choices = event.target.matches?.("details.menu[open]") && event.target.querySelector(".choices");
    if (!choices) return;
    choices.classList.remove("upward");
    const { bottom, height } = choices.getBoundingClientRect();
    choices.classList.toggle("upward", bottom > innerHeight && height < event.target.getBoundingClientRect().top);
  },
  true,
);

if (window.AscDesktopEditor && document.body.dataset.user) {
  import("./desktop_editors.js").then(({ register }) => register(base, document.body.dataset.user));
}

localizeTimes(document);
