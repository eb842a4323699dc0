// Tells the page that shows the editor in a frame that the document was closed.

const origins = document.querySelector("[data-origins]").dataset.origins.split(" ");
const above = location.ancestorOrigins?.[0] ?? (document.referrer && new URL(document.referrer).origin);

if (parent !== window && origins.includes(above)) parent.postMessage({ davserver: "closed" }, above);
