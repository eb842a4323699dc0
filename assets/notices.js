// Words above the editor that one has read: they stay away in this browser, for this kind of file.

const KEY = "davserver-understood";

for (const notice of document.querySelectorAll("[data-understood]")) {
  const what = notice.dataset.understood;
  const read = () => JSON.parse(localStorage.getItem(KEY) ?? "[]");
  notice.hidden = read().includes(what);
  notice.querySelector("button").addEventListener("click", () => {
    localStorage.setItem(KEY, JSON.stringify([...new Set([...read(), what])]));
    notice.hidden = true;
  });
}
