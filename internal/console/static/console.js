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

  // Ctrl-K and the box at the top open the search, which the browser keeps the
  // focus in and gives it back from. Arrows go through what was found.
  const search = document.getElementById("search");
  if (search) {
    const input = search.querySelector("input");
    const hits = () => [...search.querySelectorAll("[data-hit]")];
    const open = () => { if (!search.open) search.showModal(); input.select(); };
    document.addEventListener("click", (e) => {
      if (e.target.closest("[data-search]") && !(e.ctrlKey || e.metaKey || e.shiftKey)) { e.preventDefault(); open(); }
    });
    document.addEventListener("keydown", (e) => {
      if (e.key.toLowerCase() === "k" && (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey) { e.preventDefault(); open(); }
    });
    search.addEventListener("click", (e) => { if (e.target === search) search.close(); });
    search.addEventListener("keydown", (e) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (!step) return;
      const list = [input, ...hits()];
      const next = list[list.indexOf(document.activeElement) + step];
      if (next) { e.preventDefault(); next.focus(); }
    });
    search.querySelector("form").addEventListener("submit", (e) => {
      const first = hits()[0];
      if (first) { e.preventDefault(); first.click(); }
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
