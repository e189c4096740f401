// Suggestions for the query box: a combobox over a list; in an empty box also what was asked last. Without it the box
// is a plain one. What was asked may name people, so it is kept in this browser alone, until its person signs out.
(() => {
  "use strict";
  const box = () => document.getElementById("query");
  const list = () => document.getElementById("completion");
  const options = () => [...(list()?.children ?? [])];
  const RECENT = 8;
  const recentKey = `recent-queries:${document.body.dataset.user}`;
  const asArray = (value) => (Array.isArray(value) ? value.filter((one) => typeof one === "string") : []);
  function recent() {
    try { return asArray(JSON.parse(localStorage.getItem(recentKey) ?? "[]")); } catch { return []; }
  }
  function remember() {
    const asked = new URLSearchParams(location.search).getAll("q").join(" ").trim();
    if (!box() || !asked || box().hasAttribute("aria-invalid")) return;
    const queries = [asked, ...recent().filter((one) => one !== asked)].slice(0, RECENT);
    try {
      for (const key of Object.keys(localStorage)) {
        if (key.startsWith("recent-queries:") && key !== recentKey) localStorage.removeItem(key);
      }
      localStorage.setItem(recentKey, JSON.stringify(queries));
    } catch { /* storage is forbidden, so nothing is kept */ }
  }

  let start = 0;
  let active = -1;
  let waiting = 0;
  let asked = 0;

  function close() {
    asked += 1;
    clearTimeout(waiting);
    active = -1;
    if (!list()) return;
    list().hidden = true;
    list().replaceChildren();
    box().setAttribute("aria-expanded", "false");
    box().removeAttribute("aria-activedescendant");
  }

  function mark(at) {
    const all = options();
    active = all.length ? (at + all.length) % all.length : -1;
    all.forEach((option, index) => option.setAttribute("aria-selected", index === active));
    if (active < 0) return;
    all[active].scrollIntoView({ block: "nearest" });
    box().setAttribute("aria-activedescendant", all[active].id);
  }

  function show(found) {
    start = found.start;
    active = -1;
    box().removeAttribute("aria-activedescendant");
    const before = box().value ? [] : recent().map((text) => ({ text, hint: "asked before", whole: true }));
    list().replaceChildren(...[...before, ...found.suggestions].map((suggestion, index) => {
      const option = document.createElement("li");
      const text = document.createElement("code");
      const hint = document.createElement("span");
      Object.assign(option, { id: `suggestion-${index}`, role: "option" });
      option.dataset.text = text.textContent = suggestion.text;
      if (suggestion.whole) option.dataset.whole = "";
      hint.textContent = suggestion.hint;
      option.setAttribute("aria-selected", "false");
      option.append(text, hint);
      return option;
    }));
    list().hidden = !list().childElementCount;
    box().setAttribute("aria-expanded", String(!list().hidden));
  }

  async function ask(then) {
    const input = box();
    const number = ++asked;
    const upTo = input.value.slice(0, input.selectionStart);
    try {
      const answer = await fetch(`${input.dataset.completion}?${new URLSearchParams({ q: upTo })}`);
      if (!answer.ok) return;
      const found = await answer.json();
      // A late answer, or one to a box that has been swapped out, is dropped.
      if (number !== asked || input !== box() || document.activeElement !== input) return;
      show(found);
      then?.();
    } catch {
      close();
    }
  }

  function take(option) {
    const input = box();
    const text = option.dataset.text;
    if ("whole" in option.dataset) {
      close();
      const url = `${location.pathname}?${new URLSearchParams({ q: text })}`;
      return htmx.ajax("GET", url, { target: "#list", swap: "outerHTML", source: input });
    }
    const end = input.selectionStart;
    input.setRangeText(text.endsWith(":") ? text : `${text} `, start, end, "end");
    close();
    input.focus();
    if (text.endsWith(":")) ask();
  }

  function become(input) {
    if (!input || input.role === "combobox") return;
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-controls": "completion", "aria-expanded": "false" };
    for (const [name, value] of Object.entries(roles)) input.setAttribute(name, value);
  }
  const settled = () => { become(box()); remember(); };
  document.addEventListener("DOMContentLoaded", settled);
  document.addEventListener("htmx:afterSettle", settled);
  // The box is about to be swapped out; the look for new sessions, every few seconds, leaves it as it is.
  document.addEventListener("htmx:beforeRequest", (event) => event.detail.target?.contains(box()) && close());
  document.addEventListener("focusin", (event) => (event.target === box() ? become(box()) : close()));

  document.addEventListener("input", (event) => {
    if (event.target !== box()) return;
    clearTimeout(waiting);
    asked += 1;
    if (!event.target.value) close();
    else waiting = setTimeout(ask, 120);
  });

  document.addEventListener("keydown", (event) => {
    if (event.target !== box() || event.isComposing) return;
    const isOpen = !list().hidden;
    const act = {
      ArrowDown: () => (isOpen ? mark(active + 1) : ask(() => mark(0))),
      ArrowUp: isOpen && (() => mark(active < 0 ? -1 : active - 1)),
      Enter: isOpen && active >= 0 && (() => take(options()[active])),
      Tab: isOpen && active >= 0 && (() => take(options()[active])),
      Escape: isOpen && close,
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("click", (event) => {
    if (event.target === box() && !box().value && list().hidden && recent().length) show({ start: 0, suggestions: [] });
  });

  // Before the box loses its focus to the list.
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest("#completion > li");
    if (!option) return;
    event.preventDefault();
    take(option);
  });
})();
