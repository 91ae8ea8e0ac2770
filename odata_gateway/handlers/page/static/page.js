// What a page can do besides being read: copy, choose a theme, find a set, close menus.
"use strict";

const root = document.documentElement;
const say = (text) => { document.getElementById("said").textContent = text; };

// --- theme: the system's, unless the reader chose one
const themes = ["", "light", "dark"];
const stored = () => { try { return localStorage.getItem("odata-theme") || ""; } catch { return ""; } };
const show = (theme) => { if (theme) root.dataset.theme = theme; else delete root.dataset.theme; };
show(stored());
const button = document.getElementById("theme");
const label = () => { button.textContent = "Theme: " + (stored() || "system"); };
button.hidden = false;
label();
button.addEventListener("click", () => {
  const next = themes[(themes.indexOf(stored()) + 1) % themes.length];
  try { localStorage.setItem("odata-theme", next); } catch { /* shown on this page only */ }
  show(next);
  label();
});

// --- snippets
for (const copy of document.querySelectorAll("button.copy")) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const code = copy.parentElement.querySelector("pre");
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
      say("Copied");
    } catch {
      getSelection().selectAllChildren(code);
      say("Selected: copy it with the keyboard");
    }
  });
}

// --- the page before: next links lead forward only, so the tab remembers where it came from
const next = document.querySelector("a[rel=next]");
const kept = (act) => { try { return act(sessionStorage); } catch { return null; } };
const before = kept((store) => store.getItem("before " + location.href));
next?.addEventListener("click", () => {
  if (!/apikey/i.test(location.search)) kept((store) => store.setItem("before " + next.href, location.href));
});
for (const link of document.querySelectorAll("a[rel=prev]")) {
  if (before) link.href = before;
  link.hidden = !before;
}

// --- all columns of a form, or none of them
for (const all of document.querySelectorAll("button.all")) {
  const boxes = [...all.closest("fieldset").querySelectorAll("input[type=checkbox]")];
  const isAny = () => boxes.some((box) => box.checked);
  const name = () => { all.textContent = isAny() ? "None" : "All"; };
  all.hidden = false;
  all.closest("fieldset").addEventListener("change", name);
  name();
  all.addEventListener("click", () => {
    const wanted = !isAny();
    for (const box of boxes) box.checked = wanted;
    name();
  });
}

// --- the list of sets
const find = document.getElementById("find");
if (find) {
  find.hidden = false;
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    let shown = 0;
    for (const row of document.querySelectorAll("table.sets tbody tr")) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    say(shown + " sets");
  });
}

// --- the reader's own time zone, to choose
for (const zones of document.querySelectorAll("#zone")) {
  zones.append(new Option(Intl.DateTimeFormat().resolvedOptions().timeZone));
}

// --- keys: "/" goes to the URL, Escape closes what is open
document.addEventListener("keydown", (event) => {
  const inField = event.target.matches("input, select, textarea");
  if (event.key === "/" && !inField) {
    event.preventDefault();
    document.getElementById("url").select();
  }
  if (event.key === "Escape" && !inField) {
    for (const open of document.querySelectorAll("td details[open]")) open.open = false;
  }
});

// --- the menu of a column: its first field or link has the focus
for (const menu of document.querySelectorAll(".menu")) {
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "open") menu.querySelector("a, button, select, input")?.focus();
  });
}
