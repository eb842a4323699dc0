// Sends files to a folder that shows nobody what is in it. What was sent from this browser is remembered here alone.

import { base } from "./page.js";
import { takeFiles, whole } from "./upload.js";
import { percent, say } from "./words.js";

const picker = document.querySelector("#files");
const sent = document.querySelector("#sent");
const remembered = `sent ${base}`;

/** @param {string} name @returns {HTMLElement} */
function line(name) {
  const element = document.createElement("div");
  element.className = "transfer";
  element.innerHTML = "<p><b></b><span></span></p>";
  element.querySelector("b").textContent = name;
  sent.append(element);
  sent.hidden = false;
  return element;
}

/** @returns {string[]} */
function before() {
  return JSON.parse(localStorage.getItem(remembered) ?? "[]");
}

/** @param {File} file */
async function send(file) {
  const element = line(file.name);
  const state = element.querySelector("span");
  const show = (part) => (state.textContent = part < 1 ? percent(part) : say("storing…"));
  const answer = await whole(file, `${base}/-/drop/${encodeURIComponent(file.name)}`, show);
  state.classList.toggle("problem", Boolean(answer.failure));
  state.textContent = answer.failure ?? say("sent");
  if (answer.failure) return;
  const name = answer.text.trim();
  element.querySelector("b").textContent = name;
  localStorage.setItem(remembered, JSON.stringify([...before(), name].slice(-200)));
}

/** @param {Iterable<File>} files */
async function sendAll(files) {
  for (const file of files) await send(file);
}

takeFiles(document.querySelector("#choose"), picker, document.querySelector("#drop"), sendAll);
for (const name of before()) line(name).querySelector("span").textContent = say("sent");
