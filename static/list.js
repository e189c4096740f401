// The list's filters by pointer: a range dragged over the histogram, a value left out by alt-click, values found while typing.
// Each sets a field or presses a button of the form, so all of it works without this script as well.
(() => {
  "use strict";
  const DAY = 86400;
  const SVG = "http://www.w3.org/2000/svg";
  const day = (second) => new Date(second * 1000).toISOString().slice(0, 10);

  // The ends of the range, as shares of the drawing; the handle that is dragged leaves the other end where it is.
  function begin(drawing, event) {
    const box = drawing.getBoundingClientRect();
    const style = getComputedStyle(drawing);
    const left = box.left + parseFloat(style.paddingLeft);
    const width = box.width - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const at = (moved) => Math.min(1, Math.max(0, (moved.clientX - left) / width));
    const edges = [...drawing.querySelectorAll(".edge")].map((line) => parseFloat(line.getAttribute("x1")) / 100);
    const handle = event.target.closest("[data-handle]")?.dataset.handle;
    const fixed = handle === "from" ? edges[1] : handle === "to" ? edges[0] : at(event);
    return { at, fixed, moved: Boolean(handle), end: fixed };
  }
  function draw(drawing, drag) {
    let brushed = drawing.querySelector(".brushed");
    if (!brushed) {
      brushed = document.createElementNS(SVG, "rect");
      brushed.setAttribute("class", "brushed");
      brushed.setAttribute("height", "56");
      drawing.prepend(brushed);
    }
    brushed.setAttribute("x", `${Math.min(drag.fixed, drag.end) * 100}%`);
    brushed.setAttribute("width", `${Math.abs(drag.end - drag.fixed) * 100}%`);
  }
  function apply(drawing, drag) {
    const first = Number(drawing.dataset.first);
    const last = Number(drawing.dataset.last);
    const [from, to] = [drag.fixed, drag.end].sort((a, b) => a - b).map((share) => first + share * (last - first));
    const form = drawing.closest("form");
    form.elements.from.value = day(from);
    form.elements.to.value = day(Math.max(from, Math.min(to, last) - 1));
    form.requestSubmit();
  }
  document.addEventListener("pointerdown", (event) => {
    const drawing = event.target.closest("svg[data-brush]");
    if (!drawing || event.button !== 0 || Number(drawing.dataset.last) - Number(drawing.dataset.first) < DAY) return;
    const drag = begin(drawing, event);
    event.preventDefault();
    drawing.setPointerCapture(event.pointerId);
    const move = (moved) => {
      drag.end = drag.at(moved);
      drag.moved ||= Math.abs(drag.end - drag.fixed) > 0.005;
      if (drag.moved) draw(drawing, drag);
    };
    const stop = () => {
      drawing.removeEventListener("pointermove", move);
      if (drag.moved) apply(drawing, drag);
    };
    drawing.addEventListener("pointermove", move);
    drawing.addEventListener("pointerup", stop, { once: true });
    drawing.addEventListener("pointercancel", () => drawing.removeEventListener("pointermove", move), { once: true });
  });

  document.addEventListener("click", (event) => {
    const option = event.altKey && event.target.closest(".list-facets .option label")?.parentElement;
    if (!option) return;
    event.preventDefault();
    option.querySelector(".leave-out").click();
  });

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-find]")) return;
    const wanted = event.target.value.trim().toLowerCase();
    const facet = event.target.closest("[data-facet]");
    const folded = facet.querySelector("details");
    if (folded && wanted) folded.open = true;
    for (const option of facet.querySelectorAll(".option")) {
      option.hidden = !option.querySelector("bdi").textContent.toLowerCase().includes(wanted);
    }
  });
})();
