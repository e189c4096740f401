// Files for the next message: chosen, pasted or dropped; shown with their size and a picture; removed again before sending.
// Without it the plain field sends what was chosen in it.
(() => {
  "use strict";
  const UNITS = [[1e6, "MB"], [1e3, "kB"]];
  let kept = []; // what was chosen, for when the form comes back with a question

  const box = () => document.querySelector("[data-attach]");
  const field = () => document.getElementById("composer-files");
  const size = (bytes) => {
    const [unit, name] = UNITS.find(([unit]) => bytes >= unit) ?? [1, "bytes"];
    return `${(bytes / unit).toFixed(unit > 1e3 && bytes < 10 * unit ? 1 : 0)} ${name}`;
  };

  function put(files) {
    const held = new DataTransfer();
    for (const file of files) held.items.add(file);
    field().files = held.files;
    kept = files;
    draw();
  }

  function say(sentence) {
    const line = box().querySelector(".attach-problem");
    line.textContent = sentence;
    line.hidden = !sentence;
  }

  function add(more) {
    if (!box()) return;
    const limits = box().dataset;
    const files = [...field().files, ...more];
    const large = more.find((file) => file.size > Number(limits.largest));
    if (large) return say(`${large.name} is larger than ${size(Number(limits.largest))}.`);
    if (files.length > Number(limits.most)) return say(`${limits.most} files can be sent with one message.`);
    if (files.reduce((sum, file) => sum + file.size, 0) > Number(limits.together)) return say(`Together they are larger than ${size(Number(limits.together))}.`);
    say("");
    put(files);
  }

  function draw() {
    const list = box().querySelector(".attach-list");
    for (const picture of list.querySelectorAll("img")) URL.revokeObjectURL(picture.src);
    list.replaceChildren(...kept.map((file, index) => {
      const item = document.createElement("li");
      if (file.type.startsWith("image/") && file.type !== "image/svg+xml") {
        const picture = document.createElement("img");
        picture.src = URL.createObjectURL(file);
        picture.alt = "";
        item.append(picture);
      }
      const name = document.createElement("bdi");
      name.textContent = file.name.length > 60 ? `${file.name.slice(0, 59)}…` : file.name;
      const bytes = document.createElement("small");
      bytes.textContent = size(file.size);
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "icon-only";
      remove.textContent = "×";
      remove.setAttribute("aria-label", `Remove ${file.name}`);
      remove.addEventListener("click", () => {
        put(kept.filter((_, at) => at !== index));
        document.getElementById("composer-message").focus();
      });
      item.append(name, " ", bytes, remove);
      return item;
    }));
    list.hidden = !kept.length;
  }

  document.addEventListener("change", (event) => {
    if (event.target.id !== "composer-files") return;
    const chosen = [...event.target.files];
    const before = kept;
    const held = new DataTransfer();
    for (const file of before) held.items.add(file);
    event.target.files = held.files; // choosing again adds, as pasting and dropping do
    add(chosen);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || event.target.id !== "composer-message") return;
    event.preventDefault();
    add(files);
  });

  const carries = (event) => event.dataTransfer?.types.includes("Files") && box();
  document.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault(); // a file that is dropped beside the form does not replace the page either
    document.getElementById("composer").classList.toggle("takes-drop", Boolean(event.target.closest?.("#conversation")));
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.getElementById("composer")?.classList.remove("takes-drop");
  });
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    document.getElementById("composer").classList.remove("takes-drop");
    if (event.target.closest?.("#conversation")) add([...event.dataTransfer.files]);
  });

  // Taken: they were sent. Refused: the form comes back empty, and gets them again.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.requestConfig?.elt?.matches?.(".composer-form") && event.detail.xhr.status < 400) kept = [];
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (box() && kept.length && !field().files.length) put(kept);
  });
})();
