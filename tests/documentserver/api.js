// The double's side of the DocEditor contract: a frame tells events, methods are noted on window.
// Every method that takes values keeps them in window.told[name], for tests to look at.

window.told = {};
window.DocsAPI = {
  DocEditor: function DocEditor(id, config) {
    const host = document.getElementById(id);
    const origin = new URL(document.querySelector('script[src*="api.js"]').src).origin;
    const events = Object.keys(config.events ?? {}).join(",");
    const address = (token) => `${origin}/frame?token=${encodeURIComponent(token)}&events=${events}`;
    const frame = document.createElement("iframe");
    frame.name = "frameEditor";
    frame.style.width = "100%";
    frame.style.height = "100%";
    frame.style.border = "0";
    frame.src = address(config.token);
    host.replaceWith(frame);
    window.addEventListener("message", (event) => {
      if (event.origin !== origin) return;
      const handler = config.events?.[event.data.event];
      if (handler) handler({ data: event.data.data });
    });
    this.destroyEditor = () => frame.remove();
    this.requestClose = () => frame.contentWindow.postMessage("close", origin);
    this.refreshFile = (fresh) => {
      window.told.refreshFile = fresh;
      frame.src = address(fresh.token);
    };
    // Who looks at versions leaves the session, as recorded.
    this.refreshHistory = (value) => {
      window.told.refreshHistory = value;
      if (value.history) frame.contentWindow.postMessage("leave", origin);
    };
    this.setHistoryData = (value) => {
      window.told.setHistoryData = value;
      if (!value.error) frame.src = `${origin}/history?data=${encodeURIComponent(JSON.stringify(value))}`;
    };
    this.grabFocus = () => frame.focus();
    const kept = [
      "insertImage",
      "setActionLink",
      "setFavorite",
      "setReferenceData",
      "setReferenceSource",
      "setRequestedDocument",
      "setRequestedSpreadsheet",
      "setSharingSettings",
      "setUsers",
      "showMessage",
    ];
    for (const name of kept) {
      this[name] = (value) => {
        window.told[name] = value;
      };
    }
  },
};
DocsAPI.DocEditor.version = () => "9.3.0";
