// ONLYOFFICE Desktop Editors: its window shows our pages, and has the site among its clouds.
// Source: Desktop Editors API, "Login and logout" and "Opening documents".

/** Tell the program who is signed in, and open documents in tabs of its own.
 * @param {string} base
 * @param {string} user
 */
export function register(base, user) {
  const program = window.AscDesktopEditor;
  const domain = location.origin + base;
  const told = { displayName: user, email: user, domain, provider: "davserver", userId: user };
  program.execCommand("portal:login", JSON.stringify(told));
  document.addEventListener("submit", (event) => {
    if (new URL(event.target.action, location.href).pathname === `${base}/-/logout`) {
      program.execCommand("portal:logout", JSON.stringify({ domain }));
    }
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || !/^\/-\/(edit|view)\//.test(link.pathname.slice(base.length))) return;
    event.preventDefault();
    window.open(link.href);
  });
}
