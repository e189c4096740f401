// Keys of single letters: off while something is typed, and off altogether when the keyboard sheet's switch says so.
(() => {
  "use strict";
  const SEQUENCE = 1500; // milliseconds from "g" to the letter behind it

  // Storage may be forbidden; the switch then holds for this page.
  let on = true;
  try { on = localStorage.getItem("keys") !== "off"; } catch { /* as above */ }
  function keep() {
    try { on ? localStorage.removeItem("keys") : localStorage.setItem("keys", "off"); } catch { /* as above */ }
  }
  const sheet = () => document.getElementById("keys");
  function showSheet() {
    const box = sheet()?.querySelector("[data-keys-switch]");
    if (box) box.checked = on;
    sheet()?.showModal();
  }
  document.addEventListener("click", (event) => event.target.closest("[data-show-keys]") && showSheet());
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-keys-switch]")) return;
    on = event.target.checked;
    keep();
  });

  const typing = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const current = () => document.activeElement?.closest("[data-row]") ?? document.activeElement?.closest("tr")?.querySelector("[data-row]");
  function step(by) {
    const all = rows();
    const at = all.indexOf(current());
    all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))]?.focus();
  }
  const onRow = (name) => () => {
    const row = current();
    if (!row) return false;
    return row.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable: true })) ? false : undefined;
  };
  const go = (letter) => {
    const url = document.querySelector(`[data-key-go="${letter}"]`)?.href;
    if (url) location.assign(url);
    return Boolean(url);
  };
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    x: onRow("row:select"),
    p: onRow("row:preview"),
    " ": onRow("row:preview"),
    "/": () => document.querySelector("[data-key-search]")?.focus(),
    c: () => document.getElementById("composer-message")?.focus(),
    "?": showSheet,
  };
  let pressedG = -SEQUENCE;
  document.addEventListener("keydown", (event) => {
    if (!on || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    // Space presses buttons and ticks boxes; it previews only from a row's link.
    if (event.key === " " && !event.target.matches("[data-row]")) return;
    const inSequence = event.timeStamp - pressedG < SEQUENCE;
    pressedG = event.key === "g" ? event.timeStamp : -SEQUENCE;
    if (inSequence && event.key.length === 1 && go(event.key)) return event.preventDefault();
    // What the page offers under a key is pressed by it.
    const offered = document.querySelector(`[data-key~="${CSS.escape(event.key)}"]`);
    if (offered && event.key.length === 1) {
      event.preventDefault();
      return offered.click();
    }
    const act = keys[event.key];
    // What does nothing here leaves the key to the browser.
    if (act && act() !== false) event.preventDefault();
  });
})();
