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
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      navigator.clipboard?.writeText(copy.dataset.copy).then(() => {
        copy.dataset.done = "";
        copy.setAttribute("aria-label", "Copied");
      });
    }
  });

  // A changed filter is applied at once; without a script there is a button.
  document.addEventListener("change", (event) => event.target.closest("form[data-live]")?.requestSubmit());

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
