// The bar above the editor: words, and what can be done about them.

const bar = document.querySelector("#notice");
const dialog = document.querySelector("#sure");

let said = "";

/** Say something, until something else is said.
 * @param {string} text
 * @param {{label: string, act: () => void, primary?: boolean}[]} actions
 */
export function tell(text, actions = []) {
  if (!bar) return; // embedded, there is no room for words
  const all = [text, ...actions.map((one) => one.label)].join("\n");
  // Said again, it would take the focus from its buttons.
  if (!bar.hidden && all === said) return;
  said = all;
  bar.querySelector("span").textContent = text;
  const buttons = actions.map(({ label, act, primary }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = primary ? "button small primary" : "button small";
    button.textContent = label;
    button.addEventListener("click", act);
    return button;
  });
  bar.querySelector(".actions").replaceChildren(...buttons);
  bar.hidden = false;
}

/** Say nothing any more. */
export function hush() {
  if (bar) bar.hidden = true;
}

/** Ask for a yes.
 * @param {{title: string, text: string, action: string}} question
 * @returns {Promise<boolean>}
 */
export function sure({ title, text, action }) {
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("p").textContent = text;
  dialog.querySelector("[value=yes]").textContent = action;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
