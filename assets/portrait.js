// One's own picture on the account page: a file that is chosen is sent, and the page shows it.

import { ask, base, csrf, words } from "./page.js";

const field = document.getElementById("portrait");
const problem = document.getElementById("portrait-problem");

field?.closest("[hidden]")?.removeAttribute("hidden");
field?.addEventListener("change", async () => {
  const [picture] = field.files;
  if (!picture) return;
  problem.hidden = true;
  field.disabled = true;
  try {
    const headers = { "X-CSRF-Token": csrf, "Content-Type": "application/octet-stream" };
    const response = await ask(`${base}/-/pictures/`, { method: "POST", headers, body: picture });
    if (!response.ok) throw new Error(await words(response));
    location.assign(`${base}/-/account?done=picture`);
  } catch (fault) {
    problem.textContent = fault.message;
    problem.hidden = false;
    field.disabled = false;
    field.value = "";
  }
});
