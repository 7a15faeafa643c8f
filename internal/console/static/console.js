// What makes pages quicker to use. Each works without any of it.
(() => {
  "use strict";

  // Times come in UTC and are shown in the viewer's zone.
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
  const zoned = (root) => {
    for (const t of root.querySelectorAll("time[datetime]")) {
      const at = new Date(t.dateTime);
      if (isNaN(at)) continue;
      if (t.dataset.clock !== undefined) t.textContent = clock.format(at);
      if (t.dataset.full === undefined) t.title = full.format(at);
      else t.textContent = full.format(at);
    }
  };

  // A copy button names the element whose text it copies.
  const copies = (root) => {
    if (!navigator.clipboard) return;
    for (const b of root.querySelectorAll("button[data-copy]")) b.hidden = false;
  };
  document.addEventListener("click", async (e) => {
    const b = e.target.closest("button[data-copy]");
    if (!b) return;
    const from = document.querySelector(b.dataset.copy);
    await navigator.clipboard.writeText(from.value ?? from.textContent);
    const label = b.textContent;
    b.textContent = "Copied";
    setTimeout(() => { b.textContent = label; }, 1500);
  });

  // Escape closes a sheet or takes a question back, unless something above it
  // is open.
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape" || e.defaultPrevented || document.querySelector(":popover-open, dialog[open]")) return;
    const close = document.querySelector("[data-escape]");
    if (close) close.click();
  });

  // A select that filters a list asks for the list when it changes.
  document.addEventListener("change", (e) => {
    if (e.target.closest("form[data-filter]")) e.target.form.requestSubmit();
  });

  // What names a dialog opens it: the box at the top and Ctrl-K the search, the
  // control over the navigation the other projects. The browser keeps the focus
  // in a dialog and gives it back. Arrows go through what was found.
  const open = (dialog) => {
    const input = dialog.querySelector("input[name=q]");
    if (!dialog.open) {
      dialog.showModal();
      input.dispatchEvent(new Event("opened"));
    }
    input.select();
  };
  document.addEventListener("click", (e) => {
    const opener = e.target.closest("[data-opens]");
    if (opener && !(e.ctrlKey || e.metaKey || e.shiftKey)) { e.preventDefault(); open(document.getElementById(opener.dataset.opens)); }
  });
  document.addEventListener("keydown", (e) => {
    const search = document.getElementById("search");
    if (search && e.key.toLowerCase() === "k" && (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey) {
      e.preventDefault();
      document.querySelector("dialog[open]:not(#search)")?.close();
      open(search);
    }
  });
  for (const dialog of document.querySelectorAll("dialog.search")) {
    const input = dialog.querySelector("input[name=q]");
    const hits = () => [...dialog.querySelectorAll("[data-hit]")];
    let answered = null; // what the hits are hits of
    // The Enter that opens a dialog, or is held, goes on into its field: only
    // what is pressed there counts.
    let pressed = false;
    input.addEventListener("opened", () => { answered = null; pressed = false; });
    input.addEventListener("keydown", (e) => { if (!e.repeat) pressed = true; });
    input.addEventListener("input", () => { pressed = true; });
    dialog.addEventListener("htmx:afterSwap", (e) => { answered = e.detail.requestConfig.parameters.q; });
    dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
    dialog.addEventListener("keydown", (e) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (!step) return;
      const list = [input, ...hits()];
      const next = list[list.indexOf(document.activeElement) + step];
      if (next) { e.preventDefault(); next.focus(); }
    });
    dialog.querySelector("form").addEventListener("submit", (e) => {
      if (!pressed) return e.preventDefault();
      const first = hits()[0];
      if (first && answered === input.value) { e.preventDefault(); first.click(); }
    });
  }

  // Rows that are dragged into another order send it by the form that the list
  // names. The buttons beside each row do the same from the keyboard.
  for (const list of document.querySelectorAll("[data-sorts]")) {
    const ids = () => [...list.children].map((r) => r.dataset.id).join(",");
    let dragged = null;
    for (const row of list.children) row.draggable = true;
    list.addEventListener("dragstart", (e) => {
      dragged = e.target.closest("[data-id]");
      dragged?.classList.add("dragged");
    });
    list.addEventListener("dragover", (e) => {
      const over = e.target.closest("[data-id]");
      if (!dragged || !over) return;
      e.preventDefault();
      const box = over.getBoundingClientRect();
      if (over !== dragged) over[e.clientY > box.top + box.height / 2 ? "after" : "before"](dragged);
    });
    list.addEventListener("drop", (e) => e.preventDefault());
    list.addEventListener("dragend", () => {
      dragged?.classList.remove("dragged");
      dragged = null;
      const form = document.querySelector(list.dataset.sorts);
      if (form.elements.order.value === ids()) return;
      form.elements.order.value = ids();
      form.requestSubmit();
    });
  }

  const toast = document.querySelector(".toast");
  if (toast) setTimeout(() => toast.remove(), 6000);

  // On a narrow screen the current tab may lie beside what shows.
  for (const t of document.querySelectorAll(".tabs [aria-current]")) t.scrollIntoView({ block: "nearest", inline: "center" });

  zoned(document);
  copies(document);
  document.addEventListener("htmx:load", (e) => { zoned(e.target); copies(e.target); });
})();
