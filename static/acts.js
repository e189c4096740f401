// Menus that open in place, and buttons that say what they are waiting for. Without it they still work.
(() => {
  "use strict";
  const menus = () => document.querySelectorAll("details[data-menu][open]");
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.("details[data-menu]") || !event.target.open) return;
    for (const other of menus()) if (other !== event.target) other.open = false;
    const field = event.target.querySelector("[data-autofocus]");
    field?.focus();
    field?.select();
  }, true);
  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = menus()[0];
    if (!open) return;
    event.preventDefault();
    open.open = false;
    open.querySelector("summary").focus();
  }, true);

  // A press that takes a while says so, and cannot be repeated while it does.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.dataset.busy || event.defaultPrevented) return;
    setTimeout(() => { // after the form was read: a disabled button sends no value
      button.setAttribute("aria-disabled", "true");
      button.dataset.idle = button.textContent;
      button.textContent = button.dataset.busy;
    });
  });
  document.addEventListener("submit", (event) => {
    if (event.submitter?.getAttribute("aria-disabled") === "true") event.preventDefault();
  }, true);
})();
