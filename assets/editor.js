// Opens the signed configuration of this page in the Document Server's editor.

import { ask, csrf, shareIn } from "./page.js";

const host = document.querySelector("#editor");
const { api, alive, folder, share } = host.dataset;
const ALIVE_EVERY_MS = 60000;

/** @param {Document} page @returns {object} the configuration in a page's JSON island */
function configIn(page) {
  return JSON.parse(page.querySelector("#editor-config").textContent);
}

function showTrouble() {
  host.hidden = true;
  document.querySelector("#editor-trouble").hidden = false;
}

/** A fresh configuration for the same document: the state of the file may have changed. */
async function freshConfig() {
  const response = await ask(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`the page answered ${response.status}`);
  return configIn(new DOMParser().parseFromString(await response.text(), "text/html"));
}

function open() {
  const frame = document.createElement("div");
  frame.id = "editor-frame";
  host.append(frame);
  let changed = false;
  // The editor shows its button for sharing where there is somebody to answer it.
  const sharing = share && {
    onRequestSharingSettings: async () => {
      await shareIn(share);
      const fresh = await freshConfig();
      editor.setSharingSettings({ sharingSettings: fresh.document.info.sharingSettings ?? [] });
    },
  };
  const editor = new window.DocsAPI.DocEditor(frame.id, {
    ...configIn(document),
    events: {
      ...sharing,
      onRequestClose: () => {
        editor.destroyEditor();
        location.assign(folder);
      },
      // The document was saved and its key is used up: go on with the next one.
      onRequestRefreshFile: async () => {
        try {
          editor.refreshFile(await freshConfig());
        } catch {
          location.reload();
        }
      },
      onOutdatedVersion: () => location.reload(),
      onDocumentStateChange: (event) => {
        changed = event.data;
        document.title = document.title.replace(/^• /, "");
        if (changed) document.title = `• ${document.title}`;
      },
    },
  });
  if (alive) {
    setInterval(() => {
      ask(alive, { method: "POST", headers: { "X-CSRF-Token": csrf } }).catch(() => {});
    }, ALIVE_EVERY_MS);
  }
}

const script = document.createElement("script");
script.src = api;
script.onload = () => (window.DocsAPI ? open() : showTrouble());
script.onerror = showTrouble;
document.head.append(script);
