// Forms that convert: each says that it is at work, and lets nobody ask twice.

const AGAIN_MS = 4000;

for (const form of document.querySelectorAll("form.converts")) {
  const wait = form.querySelector("[data-wait]");

  const ready = () => {
    wait.hidden = true;
    form.removeAttribute("aria-busy");
  };
  form.addEventListener("submit", (event) => {
    if (!wait.hidden) {
      event.preventDefault();
      return;
    }
    wait.hidden = false;
    form.setAttribute("aria-busy", "true");
    // A download leaves the page as it is, and does not tell when it has begun.
    if (event.submitter?.value === "download") setTimeout(ready, AGAIN_MS);
  });
  // Back from the editor, the page is shown as it was left.
  addEventListener("pageshow", ready);
}
