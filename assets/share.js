// The share page: copying addresses. Everything else works by forms.

import { say } from "./words.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = button.previousElementSibling;
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // Without TLS there is no clipboard for scripts but this.
      document.execCommand("copy");
    }
    button.textContent = say("Copied");
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && parent !== window) parent.postMessage("close-share", location.origin);
});
