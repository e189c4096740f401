// Theme, sheets, and forms that answer at once. Every page works without it.
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
    const toggle = event.target.closest("[data-toggle-facets]");
    if (toggle) toggle.setAttribute("aria-expanded", document.body.classList.toggle("facets-open"));
    for (const menu of document.querySelectorAll("details.menu[open]")) {
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
    // A box in the list may belong to another form: it selects, and narrows nothing.
    const form = event.target.form;
    if (form?.matches("[data-live]") && !event.target.matches("input[type=search], input[type=text]")) form.requestSubmit();
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

  // A question that has a page of its own is asked in a sheet over the page one is on.
  const sheet = () => document.getElementById("sheet");
  async function ask(title, method, url, values) {
    document.getElementById("sheet-title").textContent = title;
    await htmx.ajax(method, url, { target: "#sheet-content", swap: "innerHTML", values });
    if (document.getElementById("sheet-content").childElementCount) sheet().showModal();
  }
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-sheet]");
    if (opener && sheet() && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      const values = {};
      if (opener.form) for (const [name, value] of new FormData(opener.form)) (values[name] ??= []).push(value);
      ask(opener.dataset.sheet, opener.form ? "POST" : "GET", opener.formAction ?? opener.href, values);
    }
    if (event.target.closest("[data-close-sheet]") && sheet()?.open) {
      event.preventDefault();
      sheet().close();
    }
    const links = event.target.closest("[data-open-links]");
    if (links) for (const link of document.querySelectorAll(`#${links.dataset.openLinks} a`)) window.open(link.href, "_blank", "noopener");
    const from = event.target.closest("[data-copy-from]");
    if (from) {
      const text = document.getElementById(from.dataset.copyFrom);
      text.select();
      navigator.clipboard?.writeText(text.value.trim()).then(() => toast("Copied"));
    }
  });
  // What was refused says why, in the sheet.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "sheet-content" || event.detail.xhr.status >= 500) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-download]") && sheet()?.open) setTimeout(() => sheet().close());
  });

  // What was asked stays in this browser, and only while its person is signed in.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-sign-out]")) return;
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith("recent-queries:")) localStorage.removeItem(key);
      for (const key of Object.keys(sessionStorage)) if (key.startsWith("draft:")) sessionStorage.removeItem(key);
    } catch { /* storage is forbidden, so it holds nothing */ }
  });

  let shownUntil = 0;
  function toast(text) {
    const line = document.getElementById("toast");
    line.textContent = text;
    line.hidden = false;
    clearTimeout(shownUntil);
    shownUntil = setTimeout(() => { line.hidden = true; }, 6000);
  }
  window.toast = toast;
})();
