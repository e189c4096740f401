// The hits of a search: the one that is chosen shows in its surroundings beside them. Without this script each hit is a
// link to the page that does; its state is in the URL in both cases.
(() => {
  "use strict";
  const FOLLOW = 120; // milliseconds that a hit has to keep the focus before the pane follows
  const wide = matchMedia("(min-width: 1181px)");
  const pane = () => document.getElementById("context");
  const hits = () => [...document.querySelectorAll("[data-hit]")];
  const chosen = () => document.querySelector("[data-hit][aria-current]");

  function mark(hit) {
    for (const other of hits()) {
      other.removeAttribute("aria-current");
      if (other.id === "hit") other.removeAttribute("id");
    }
    hit.setAttribute("aria-current", "true");
    hit.id = "hit";
  }
  async function choose(hit, keepsAddress) {
    if (hit === chosen()) return;
    mark(hit);
    const url = new URL(hit.href);
    if (!keepsAddress) history.replaceState(history.state, "", url.pathname + url.search);
    await htmx.ajax("GET", url.pathname + url.search, { source: pane(), target: pane(), swap: "innerHTML" });
    if (hit !== chosen()) return;
    pane().scrollTop = 0;
    if (!wide.matches && !keepsAddress) pane().scrollIntoView();
  }
  async function step(by) {
    const all = hits();
    const next = all[Math.max(0, Math.min(all.length - 1, all.indexOf(chosen()) + by))];
    if (!next) return;
    next.scrollIntoView({ block: "nearest" });
    const hadFocus = pane().contains(document.activeElement);
    await choose(next);
    // The button that was pressed is another one now.
    if (hadFocus) pane().querySelector(`[data-step-hit="${by}"]`)?.focus();
  }

  let waiting = 0;
  document.addEventListener("focusin", (event) => {
    clearTimeout(waiting);
    const hit = event.target.closest("[data-hit]");
    if (hit && wide.matches) waiting = setTimeout(() => hit.isConnected && choose(hit), FOLLOW);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-step-hit]");
    if (button) return step(Number(button.dataset.stepHit));
    const hit = event.target.closest("[data-hit]");
    if (!hit || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    clearTimeout(waiting);
    // The one that shows already is opened: Enter on a hit that the pane followed, or a second click.
    if (hit === chosen()) location.assign(hit.dataset.open);
    else choose(hit);
  });

  // Beside a fresh list the first hit shows, where there is room for it; its address is the list's own.
  function settled() {
    const first = hits()[0];
    if (wide.matches && first && pane() && !chosen() && !pane().querySelector(".is-hit, .problem")) choose(first, true);
  }
  document.addEventListener("DOMContentLoaded", settled);
  document.addEventListener("htmx:afterSettle", (event) => event.detail.elt.id === "list" && settled());
})();
