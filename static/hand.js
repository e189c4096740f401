// The list in hand: rows are selected, previewed beside the list, and what is new is told without moving a row.
(() => {
  "use strict";
  const LOOK = 2000; // milliseconds between two looks for what is new
  const wide = matchMedia("(min-width: 1181px)");
  const picks = () => [...document.querySelectorAll("input[name=pick]")];
  const all = () => document.querySelector("#bulk-bar input[name=all]");
  const number = (count) => count.toLocaleString("en");

  // --- Selecting: the boxes belong to the form "bulk", so they do not narrow the list they stand in.
  let last = null;
  function tell() {
    const chosen = picks().filter((pick) => pick.checked);
    const said = document.querySelector("[data-picked]");
    if (said) said.textContent = all()?.checked ? "All" : number(chosen.length);
    const compare = document.querySelector("[data-needs-two]");
    if (compare) compare.disabled = Boolean(all()?.checked) || chosen.length !== 2;
    const page = document.querySelector("[data-pick-page]");
    if (!page) return;
    page.checked = chosen.length > 0 && chosen.length === picks().length;
    page.indeterminate = chosen.length > 0 && !page.checked;
  }
  document.addEventListener("click", (event) => {
    const box = event.target.closest("input[name=pick]");
    if (!box) return;
    const boxes = picks();
    if (event.shiftKey && last?.isConnected) {
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const one of boxes.slice(from, to + 1)) one.checked = box.checked;
    }
    last = box;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-page]")) for (const box of picks()) box.checked = event.target.checked;
    if (event.target.matches("#bulk-bar input[name=all]") && event.target.checked) for (const box of picks()) box.checked = true;
    if (event.target.matches("input[name=pick]") && !event.target.checked && all()) all().checked = false;
    if (event.target.matches("input[name=pick], input[name=all], [data-pick-page]")) tell();
  });
  document.addEventListener("row:select", (event) => {
    const box = event.target.closest("tr")?.querySelector("input[name=pick]");
    if (!box) return;
    box.click();
    event.preventDefault();
  });
  document.addEventListener("reset", (event) => event.target.id === "bulk" && setTimeout(tell));

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-picked]");
    if (!button || !navigator.clipboard) return; // then it opens the sheet, where they can be copied by hand
    event.preventDefault();
    event.stopImmediatePropagation();
    const answer = await fetch(`${button.formAction}?format=json`, { method: "POST", body: new FormData(button.form) });
    if (!answer.ok) return window.toast("Not copied: the server did not answer. Try again.");
    const { sessions, count } = await answer.json();
    await navigator.clipboard.writeText(sessions.map((one) => one.session_id).join("\n"));
    const of = count === null || count > sessions.length ? ", the first of those selected" : "";
    window.toast(`${number(sessions.length)} id${sessions.length === 1 ? "" : "s"} copied${of}`);
  }, true);

  // --- The preview: its state is in the URL, its content comes from the session's own address.
  const pane = () => document.getElementById("preview");
  const isOpen = () => pane() && !pane().hidden;
  const addressOf = (row) => row.getAttribute("href").replace(/^.*\/sessions\//, "").replace(/\/$/, "");
  let shown = "";
  function remember(address) {
    const url = new URL(location.href);
    if (address) url.searchParams.set("preview", address);
    else url.searchParams.delete("preview");
    history.replaceState(history.state, "", url);
    shown = address;
  }
  async function preview(row) {
    const address = addressOf(row);
    if (isOpen() && shown === address) return;
    remember(address);
    await htmx.ajax("GET", `${row.getAttribute("href")}preview/`, { source: pane(), target: pane(), swap: "innerHTML" });
    if (shown === address) pane().hidden = false;
  }
  function close() {
    const row = [...document.querySelectorAll("[data-row]")].find((one) => addressOf(one) === shown);
    const hadFocus = pane().contains(document.activeElement);
    pane().hidden = true;
    pane().replaceChildren();
    remember("");
    if (hadFocus) row?.focus();
  }
  document.addEventListener("row:preview", (event) => {
    if (!wide.matches) return;
    event.preventDefault();
    isOpen() && shown === addressOf(event.target) ? close() : preview(event.target);
  });
  let waiting = 0;
  document.addEventListener("focusin", (event) => {
    clearTimeout(waiting);
    if (isOpen() && event.target.matches("[data-row]")) waiting = setTimeout(() => isOpen() && preview(event.target), 120);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close-preview]") && isOpen() && pane().contains(event.target)) {
      event.preventDefault();
      return close();
    }
    const text = event.target.closest("a.preview");
    if (!text || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const row = text.closest("tr").querySelector("[data-row]");
    wide.matches ? (row.focus(), preview(row)) : row.click();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    if (isOpen()) close();
    else if (picks().some((pick) => pick.checked)) document.getElementById("bulk").reset();
  });

  // --- What is new: a count beside the list while the page is looked at; the rows stay until it is pressed.
  let paused = false;
  try { paused = sessionStorage.getItem("live") === "paused"; } catch { /* kept for this page alone */ }
  function look() {
    const place = document.getElementById("arrivals");
    if (place && !paused && document.visibilityState === "visible") htmx.trigger(place, "look");
  }
  function showPaused() {
    const button = document.querySelector("[data-pause-live]");
    if (!button) return;
    button.setAttribute("aria-pressed", paused);
  }
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-pause-live]")) return;
    paused = !paused;
    try { sessionStorage.setItem("live", paused ? "paused" : ""); } catch { /* as above */ }
    showPaused();
    look();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, xhr } = event.detail;
    // The same number is not announced again.
    if (target.id === "arrivals" && target.innerHTML.trim() === xhr.responseText.trim()) event.detail.shouldSwap = false;
  });
  setInterval(look, LOOK);
  document.addEventListener("visibilitychange", look);

  function settled() {
    tell();
    showPaused();
    last = null;
    shown = isOpen() ? new URLSearchParams(location.search).get("preview") ?? "" : "";
  }
  document.addEventListener("DOMContentLoaded", settled);
  document.addEventListener("htmx:afterSettle", (event) => event.detail.elt.id === "list" && settled());
})();
