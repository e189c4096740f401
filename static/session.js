// Moving inside a session: links to a run or message are copied, and printing opens what is folded.
(() => {
  "use strict";
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-permalink]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !navigator.clipboard) return;
    event.preventDefault();
    history.replaceState(history.state, "", link.href);
    navigator.clipboard.writeText(link.href).then(() => window.toast("Link copied"), () => location.assign(link.href));
  });

  // A view that was replaced shows the place that its address names.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "view") document.getElementById("here")?.scrollIntoView({ block: "center" });
  });

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("#view details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });
})();
