// "Open in desktop program": the dialog with links that call programs, and the address on the drive;
// that alone where no program can be called.

import { say } from "./words.js";

const dialog = document.querySelector("#desktop");
const address = dialog.querySelector("input");
const copy = dialog.querySelector("[data-copy]");

const PROGRAMS = {
  "ms-word": "Microsoft Word",
  "ms-excel": "Microsoft Excel",
  "ms-powerpoint": "Microsoft PowerPoint",
  "ms-visio": "Microsoft Visio",
};

/** @param {HTMLElement} button of a row in the listing */
function show(button) {
  const { name, href } = button.closest("tr").dataset;
  const { desktop: scheme, how } = button.dataset;
  const url = new URL(href, location.href).href;
  dialog.querySelector("h2").textContent = scheme ? say("Open {name}", { name }) : say("Address of {name}", { name });
  dialog.querySelector("p").hidden = !scheme;
  dialog.querySelector(".programs").hidden = !scheme;
  const office = dialog.querySelector("[data-with=office]");
  if (scheme) {
    office.textContent = PROGRAMS[scheme];
    office.href = `${scheme}:${how}|u|${url}`;
    dialog.querySelector("[data-with=libreoffice]").href = `vnd.libreoffice.command:${how}|u|${url}`;
  }
  address.value = url;
  copy.textContent = say("Copy");
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-desktop]");
  if (!button) return;
  button.closest("details").open = false;
  show(button);
});

for (const link of dialog.querySelectorAll("a")) link.addEventListener("click", () => dialog.close());

copy.addEventListener("click", async () => {
  address.select();
  try {
    await navigator.clipboard.writeText(address.value);
    copy.textContent = say("Copied");
  } catch {
    // Without https the browser lets no script copy; what is selected is copied by hand.
    copy.textContent = say("Press Ctrl+C");
  }
});
