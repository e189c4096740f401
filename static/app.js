// Keys, theme, and forms that answer at once. Every page works without it.
(() => {
  "use strict";
  document.documentElement.classList.add("js");

  const themes = ["auto", "light", "dark"];
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-switch-theme]");
    if (button) {
      const root = document.documentElement;
      const next = themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % themes.length];
      root.dataset.theme = next;
      document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
      button.title = `Colours: ${next}`;
      button.setAttribute("aria-label", `Colours: ${next}. Press to change.`);
    }
    if (event.target.closest("[data-show-keys]")) document.getElementById("keys")?.showModal();
    const toggle = event.target.closest("[data-toggle-facets]");
    if (toggle) toggle.setAttribute("aria-expanded", document.body.classList.toggle("facets-open"));
    for (const menu of document.querySelectorAll("details.source-menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      navigator.clipboard?.writeText(copy.dataset.copy).then(() => {
        copy.dataset.done = "";
        copy.setAttribute("aria-label", "Copied");
      });
    }
  });

  // A changed filter is applied at once; without a script there is a button. Text waits for Enter, which submits itself.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("input[type=search], input[type=text]")) event.target.closest("form[data-live]")?.requestSubmit();
  });

  // A part that is being renewed says so; a list that could not be renewed stays, and says of when it is.
  const now = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  let asOf = now();
  function tell(failed) {
    const line = document.querySelector(".not-updated");
    if (!line) return;
    if (failed) line.textContent = `Not updated: the list is as of ${asOf}. Try again.`;
    else asOf = now();
    line.hidden = !failed;
  }
  document.addEventListener("htmx:beforeRequest", (event) => event.detail.target?.setAttribute("aria-busy", "true"));
  document.addEventListener("htmx:afterRequest", (event) => event.detail.target?.removeAttribute("aria-busy"));
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => event.detail.target?.id === "list" && tell(true));
  }
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id !== "list") return;
    tell(false);
    const open = document.body.classList.contains("facets-open");
    document.querySelector("[data-toggle-facets]")?.setAttribute("aria-expanded", open);
  });

  const typing = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("[data-row]")];
  function step(by) {
    const all = rows();
    const at = all.indexOf(document.activeElement);
    all[Math.max(0, Math.min(all.length - 1, at < 0 && by > 0 ? 0 : at + by))]?.focus();
  }
  const go = (url) => { if (url) location.assign(url); };
  let first = "";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const act = {
      j: () => step(1),
      k: () => step(-1),
      "/": () => document.querySelector("[data-key-search]")?.focus(),
      c: () => document.getElementById("composer-message")?.focus(),
      "?": () => document.getElementById("keys")?.showModal(),
      s: () => first === "g" && go(document.querySelector("[data-key-sessions]")?.href),
    }[event.key];
    if (act) {
      act();
      event.preventDefault();
    }
    first = event.key;
  });
})();
