// The chat pane: keys, drafts, scrolling, and the cursor of the stream. Without it the form still sends.
(() => {
  "use strict";
  const AT_END = 80; // pixels from the end that still count as being there
  const touch = matchMedia("(pointer: coarse)");

  // Drafts stay in this tab, under their person's key; whoever signs in here next finds none. Storage may be forbidden:
  // a draft is then simply not kept.
  const mine = `draft:${document.body.dataset.user}:`;
  const drafts = {
    get: (key) => { try { return sessionStorage.getItem(key); } catch { return null; } },
    set: (key, text) => { try { text ? sessionStorage.setItem(key, text) : sessionStorage.removeItem(key); } catch { /* as above */ } },
    forgetOthers() {
      try { for (const key of Object.keys(sessionStorage)) if (key.startsWith("draft:") && !key.startsWith(mine)) sessionStorage.removeItem(key); } catch { /* as above */ }
    },
  };
  const field = () => document.getElementById("composer-message");
  const draftKey = () => `${mine}${document.getElementById("composer").dataset.draft}`;

  function restoreDraft() {
    const message = field();
    if (message && !message.value) message.value = drafts.get(draftKey()) || "";
  }

  function scroller(element) {
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(at).overflowY) && at.scrollHeight > at.clientHeight) return at;
    }
    return document.scrollingElement;
  }

  // Whether to go where words arrive, and how far down the page was when that was found out. Words settle a moment after
  // they came: whoever scrolled up meanwhile is not taken back.
  let follow = false;
  let seenAt = 0;
  const isAtEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < AT_END;
  function look(element) {
    const box = scroller(element);
    follow = isAtEnd(box);
    seenAt = box.scrollTop;
  }
  function keepUp(element) {
    const box = scroller(element);
    if (box.scrollTop < seenAt - 1 && !isAtEnd(box)) follow = false;
    if (!follow) return tellBelow(element);
    box.scrollTop = box.scrollHeight;
    seenAt = box.scrollTop;
  }

  // Whoever reads further up is not moved; a button says that there is more below, and goes there.
  const below = () => document.querySelector(".new-below");
  function tellBelow(element) {
    const button = below();
    if (button && element.closest?.("#live-turns")) button.hidden = false;
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".new-below");
    if (!button) return;
    const box = scroller(button);
    box.scrollTop = box.scrollHeight;
    button.hidden = true;
    field()?.focus({ preventScroll: true });
  });
  document.addEventListener("scroll", () => {
    const button = below();
    if (!button || button.hidden) return;
    const box = scroller(button);
    if (isAtEnd(box)) button.hidden = true;
  }, { capture: true, passive: true });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.id === "composer-message";
    if (typing && event.key === "Enter" && !event.shiftKey && !event.isComposing && !touch.matches) {
      event.preventDefault();
      const files = document.getElementById("composer-files");
      if (event.target.value.trim() || files?.files.length) event.target.form.requestSubmit();
    }
    // Up in an empty field brings the last message back, to be said in other words.
    if (typing && event.key === "ArrowUp" && !event.target.value && !event.isComposing) {
      const said = [...document.querySelectorAll("#view .by-user .stored, #live-turns .by-user .stored")].at(-1)?.textContent;
      if (said) {
        event.preventDefault();
        event.target.value = said;
        drafts.set(draftKey(), said);
      }
    }
    if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open], :popover-open")) {
      document.querySelector(".turn-live .live-stop")?.requestSubmit();
    }
  });

  // A prompt that is offered is put into the field, to be changed or sent.
  document.addEventListener("click", (event) => {
    const prompt = event.target.closest("[data-prompt]");
    if (!prompt || !field()) return;
    field().value = [field().value.trim(), prompt.dataset.prompt].filter(Boolean).join("\n");
    drafts.set(draftKey(), field().value);
    field().focus();
  });

  document.addEventListener("input", (event) => {
    if (event.target.id === "composer-message") drafts.set(draftKey(), event.target.value);
  });

  // Taken: the draft has been sent. Refused: the answer is the form again, saying why.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig, xhr } = event.detail;
    if (!requestConfig?.elt?.matches?.(".composer-form, .decision-form")) return;
    if (xhr.status < 400) {
      if (requestConfig.elt.matches(".composer-form")) drafts.set(draftKey(), "");
      follow = true;
      seenAt = 0;
    } else if ([403, 409, 422, 429, 503].includes(xhr.status)) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    restoreDraft();
    if (event.target.closest?.("#chat-pane")) keepUp(event.target);
  });

  document.addEventListener("htmx:sseBeforeMessage", (event) => look(event.target));
  document.addEventListener("htmx:sseMessage", (event) => {
    keepUp(event.target);
    const live = event.target.closest("[sse-connect]");
    const last = event.detail?.lastEventId;
    if (live && last) live.setAttribute("sse-connect", `${live.getAttribute("sse-connect").split("?")[0]}?after=${last}`);
    if (event.target.matches(".turn-thoughts *") && event.target.textContent) event.target.closest("details").hidden = false;
  });
  document.addEventListener("htmx:sseError", (event) => event.target.closest(".turn-live")?.classList.add("reconnecting"));
  document.addEventListener("htmx:sseOpen", (event) => event.target.closest(".turn-live")?.classList.remove("reconnecting"));

  // The end of an answer could not be fetched, as the server is away just now: it is asked for again until it is there.
  for (const name of ["htmx:sendError", "htmx:responseError"]) {
    document.addEventListener(name, (event) => {
      const { elt: live, xhr } = event.detail;
      if (!live?.matches?.(".turn-live") || (xhr?.status && xhr.status < 500)) return;
      live.classList.add("reconnecting");
      setTimeout(() => { if (live.isConnected) htmx.trigger(live, "sse:done"); }, 2000);
    });
  }

  drafts.forgetOthers();
  restoreDraft();
})();
