// Passkeys: a form with data-passkey asks for one and sends the answer along. Without support, its button stays hidden.

import { words } from "./page.js";
import { say } from "./words.js";

const SUPPORTED = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON && navigator.credentials);

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (SUPPORTED && form.dataset.passkey) prepare(form);
}

/** @param {HTMLFormElement} form */
function prepare(form) {
  const button = form.querySelector("button[type=button]");
  const problem = button.parentElement.querySelector("button[type=button] ~ .problem");
  form.hidden = false;
  button.hidden = false;
  button.addEventListener("click", async () => {
    problem.hidden = true;
    button.disabled = true;
    try {
      const answer = form.dataset.passkey === "create" ? await create(form) : await get(form);
      if (answer) submit(form, answer);
    } catch (fault) {
      problem.textContent = explained(fault);
      problem.hidden = false;
    }
    button.disabled = false;
  });
}

/** @param {HTMLFormElement} form */
async function create(form) {
  if (!form.reportValidity()) return undefined;
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await question(form, { do: "passkey-ask" }));
  return navigator.credentials.create({ publicKey });
}

/** @param {HTMLFormElement} form */
async function get(form) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await question(form, { ask: "passkey" }));
  return navigator.credentials.get({ publicKey });
}

/** What the server wants to be answered.
 * @param {HTMLFormElement} form @param {Record<string, string>} fields
 */
async function question(form, fields) {
  const body = new URLSearchParams(fields);
  for (const name of ["csrf", "step"]) {
    const field = form.elements.namedItem(name);
    if (field) body.set(name, field.value);
  }
  const response = await fetch(form.action, { method: "POST", credentials: "same-origin", body });
  if (!response.ok) throw new Error(await words(response));
  return response.json();
}

/** @param {HTMLFormElement} form @param {PublicKeyCredential} answer */
function submit(form, answer) {
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "passkey";
  field.value = JSON.stringify(answer.toJSON());
  form.append(field);
  // Without the checks of the other fields: name and password are not needed.
  form.submit();
}

/** @param {Error} fault */
function explained(fault) {
  if (fault.name === "NotAllowedError") return say("No passkey was used.");
  if (fault.name === "InvalidStateError") return say("This device has a passkey for you already.");
  if (fault.name === "SecurityError") return say("Passkeys need https and a host name.");
  return fault.message;
}
