// The jump palette: a box over a list of places, which the server finds. Without it "Jump to" is a page.
(() => {
  "use strict";
  const dialog = () => document.getElementById("jump");
  const box = () => dialog().querySelector("input");
  const places = () => [...document.querySelectorAll("#jump-found .place")];
  let active = 0;

  if (!/Mac|iPhone|iPad/.test(navigator.platform)) {
    for (const key of document.querySelectorAll("[data-jump-key]")) key.textContent = "Ctrl K";
  }

  function mark(at) {
    const all = places();
    active = all.length ? (at + all.length) % all.length : 0;
    all.forEach((place, index) => {
      place.setAttribute("role", "option");
      place.tabIndex = -1;
      place.setAttribute("aria-selected", index === active);
    });
    if (!all.length) return box().removeAttribute("aria-activedescendant");
    all[active].scrollIntoView({ block: "nearest" });
    box().setAttribute("aria-activedescendant", all[active].id);
  }

  function open() {
    if (dialog().open) return;
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-controls": "jump-found", "aria-expanded": "true" };
    for (const [name, value] of Object.entries(roles)) box().setAttribute(name, value);
    document.getElementById("jump-found").setAttribute("role", "listbox");
    document.getElementById("jump-found").setAttribute("aria-label", "Places");
    box().value = "";
    dialog().showModal();
    box().focus();
    htmx.trigger(box(), "look");
  }

  document.addEventListener("click", (event) => {
    if (!dialog()) return;
    if (event.target === dialog()) dialog().close(); // beside it
    if (!event.target.closest("[data-jump]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("keydown", (event) => {
    if (!dialog()) return;
    if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      return dialog().open ? dialog().close() : open();
    }
    if (event.target !== box() || event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(active + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && places()[active]) {
      event.preventDefault();
      places()[active].click();
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => event.target.id === "jump-found" && mark(0));
})();
