// What the pages do beyond HTML: the switch between light and dark, tables, plots, the enlarged case, the comparison.
"use strict";

// Light or dark: before the first paint, so that nothing flashes. A browser may forbid storage to pages from a disk.
const root = document.documentElement;
const system = window.matchMedia("(prefers-color-scheme: dark)");
function remembered() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}
function remember(theme) {
  try { localStorage.setItem("theme", theme); } catch { /* until the page is left, then */ }
}
function paint(theme) {
  root.classList.toggle("dark", theme === "dark");
  root.classList.toggle("light", theme === "light");
}
paint(remembered() ?? (system.matches ? "dark" : "light"));

document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("theme");
  const show = () => button.setAttribute("aria-pressed", root.classList.contains("dark"));
  button.hidden = false;
  show();
  button.addEventListener("click", () => {
    const theme = root.classList.contains("dark") ? "light" : "dark";
    remember(theme);
    paint(theme);
    show();
  });

  // Each table says in data attributes what it needs of DataTables.
  Object.assign(DataTable.defaults, { layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null }, autoWidth: false });
  for (const table of document.querySelectorAll("table.data")) new DataTable(table);
});

// A table that is cut says so: by a fade at the cut edge, to a screen reader in words.
document.addEventListener("DOMContentLoaded", () => {
  for (const region of document.querySelectorAll(".scroll")) {
    const mark = () => {
      const left = region.scrollWidth - region.clientWidth - region.scrollLeft;
      region.classList.toggle("more", left > 1);
      region.classList.toggle("less", region.scrollLeft > 1);
      if (region.scrollWidth > region.clientWidth + 1) region.setAttribute("aria-description", "Scroll sideways for more columns");
      else region.removeAttribute("aria-description");
    };
    region.addEventListener("scroll", mark);
    const seen = new ResizeObserver(mark);
    for (const one of [region, ...region.querySelectorAll("table")]) seen.observe(one);
  }
});

// A text that a narrow page may break behind an underscore or a slash.
function breakable(element, text) {
  element.replaceChildren(...text.split(/(?<=[_/])/).flatMap((part) => [part, document.createElement("wbr")]));
}

// Plots, drawn anew when the width changes. Text takes the page's colour, so light, dark and print need no second drawing.
const PLOTS = {
  intervals(rows, width) {
    return Plot.plot({
      ...frame(rows.map((row) => row.backbone), width),
      x: { grid: true, label: "percent", labelOffset: 38 },
      marks: [
        Plot.ruleY(rows.filter((row) => row.low !== null), { y: "backbone", x1: "low", x2: "high", stroke: "var(--accent)", strokeWidth: 2 }),
        Plot.tickX(rows.flatMap((row) => row.seeds.map((value) => ({ backbone: row.backbone, value }))), { y: "backbone", x: "value", stroke: "var(--faint)", insetTop: rows.length > 40 ? 3 : 8, insetBottom: rows.length > 40 ? 3 : 8 }),
        Plot.dot(rows, { y: "backbone", x: "mean", r: 5, fill: "var(--accent)", stroke: "var(--paper)", tip: true, title: (row) => `${row.backbone}: ${words(row)}` }),
      ],
    });
  },
  differences(rows, width) {
    const colour = { first: "var(--better)", second: "var(--worse)", open: "var(--faint)" };
    const symbol = { first: "triangle", second: "square", open: "circle" };
    return Plot.plot({
      ...frame(rows.map((row) => row.task), width),
      x: { grid: true, label: "difference, percentage points", labelOffset: 38 },
      symbol: { type: "identity" },
      marks: [
        Plot.ruleX([0], { stroke: "currentColor" }),
        Plot.ruleY(rows.filter((row) => row.low !== null), { y: "task", x1: "low", x2: "high", stroke: (row) => colour[row.leader], strokeWidth: 2 }),
        Plot.dot(rows, { y: "task", x: "mean", r: 5, symbol: (row) => symbol[row.leader], fill: (row) => colour[row.leader], stroke: "var(--paper)", tip: true, title: (row) => `${row.task}: ${words(row)}` }),
      ],
    });
  },
};

// What horizontal plots share: a row per name, lower where there are many; of a name that is too long, its two ends.
function frame(names, width) {
  const letter = 7.5;
  const left = Math.min(width * 0.45, 12 + letter * Math.max(...names.map((name) => name.length)));
  const room = Math.floor((left - 12) / letter);
  const short = (name) => (name.length > room ? `${name.slice(0, Math.ceil(room / 2) - 1)}…${name.slice(-Math.floor(room / 2))}` : name);
  return { width, height: 60 + (names.length > 40 ? 16 : 30) * names.length, marginBottom: 40, marginLeft: left, marginRight: 20, style: { background: "transparent" }, y: { domain: names, label: null, tickSize: 0, tickFormat: short } };
}

function words(row) {
  const interval = row.low === null ? "no interval" : `95 % interval ${row.low.toFixed(1)} to ${row.high.toFixed(1)}`;
  return `${row.mean.toFixed(1)}, ${interval}`;
}

// Draws now and whenever the width changes; what it returns draws other rows.
function draw(figure, plot, rows) {
  let drawn = 0;
  const fit = () => {
    const width = Math.min(figure.clientWidth, 860);
    if (!width || width === drawn) return;
    drawn = width;
    figure.querySelector("svg")?.remove();
    const svg = plot(rows, width);
    // One picture to a screen reader, named by its caption; the figures themselves are in the table.
    for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", figure.querySelector("figcaption").textContent);
    figure.append(svg);
  };
  new ResizeObserver(fit).observe(figure);
  return (others) => {
    rows = others;
    drawn = 0;
    fit();
  };
}

document.addEventListener("DOMContentLoaded", () => {
  for (const figure of document.querySelectorAll("figure[data-plot]")) {
    figure.hidden = false;
    draw(figure, PLOTS.intervals, JSON.parse(figure.querySelector("script").textContent));
  }

  // Cases: the link of each leads to its image; with scripts it opens the dialog, through whose fellows one can step.
  const links = [...document.querySelectorAll("a.case")];
  const open = (link) => document.getElementById(link.dataset.dialog).showModal();
  links.forEach((link, place) => {
    const dialog = document.getElementById(link.dataset.dialog);
    const step = (by) => {
      const next = links[(place + by + links.length) % links.length];
      dialog.close();
      open(next);
      next.focus({ preventScroll: true });
      document.getElementById(next.dataset.dialog).focus();
    };
    link.addEventListener("click", (event) => {
      event.preventDefault();
      open(link);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // beside it
      if (event.target.dataset.step) step(Number(event.target.dataset.step));
    });
    dialog.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by) step(by);
    });
  });
});
