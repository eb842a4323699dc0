// For pages of other sites: an element that shows one document in the editor.
//
//   <script src="https://files.example.org/-/assets/embed.js"></script>
//   <davserver-editor src="…the address of an editor link…"></davserver-editor>
//
// It fills itself, so give it a height; "closed" is fired when somebody closes the document.

customElements.define(
  "davserver-editor",
  class extends HTMLElement {
    connectedCallback() {
      const address = this.getAttribute("src");
      const { origin } = new URL(address, location.href);
      const frame = document.createElement("iframe");
      frame.src = address;
      frame.title = this.getAttribute("title") ?? "Document";
      frame.allow = "clipboard-read; clipboard-write; fullscreen";
      Object.assign(frame.style, { width: "100%", height: "100%", border: "0", display: "block" });
      this.heard = (event) => {
        if (event.origin !== origin || event.source !== frame.contentWindow) return;
        if (event.data?.davserver === "closed") this.dispatchEvent(new CustomEvent("closed"));
      };
      addEventListener("message", this.heard);
      this.replaceChildren(frame);
    }

    disconnectedCallback() {
      removeEventListener("message", this.heard);
    }
  },
);
