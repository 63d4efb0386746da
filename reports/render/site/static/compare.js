// The comparison: three choices, kept in the address so that it can be passed on, and the numbers of the two backbones,
// which lie in the file of the one that stands first in the list, one way round.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const { backbones, settings, most, of: loaded } = window.comparisons;
  const by = (id) => document.getElementById(id);
  const form = by("pick");
  const { first, second, setting } = form.elements;
  const names = backbones.map((one) => one.name);
  const titles = settings.map((one) => one.title);
  const fill = (select, texts) => d3.select(select).selectAll("option").data(texts).join("option").attr("value", (_, i) => i).text((text) => text);
  fill(first, names);
  fill(second, names);
  fill(setting, titles);
  const choose = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    const place = (texts, name, otherwise) => (texts.includes(asked.get(name)) ? texts.indexOf(asked.get(name)) : otherwise);
    first.value = place(names, "first", 0);
    second.value = place(names, "second", first.value === "0" && names.length > 1 ? 1 : 0);
    setting.value = place(titles, "setting", 0);
  };

  const redraw = draw(by("differences"), PLOTS.differences, []);
  const show = () => {
    const [a, b] = [Number(first.value), Number(second.value)];
    history.replaceState(null, "", `#${new URLSearchParams({ first: names[a], second: names[b], setting: titles[setting.value] })}`);
    const { address } = backbones[Math.min(a, b)];
    if (a === b || loaded[address]) present(a, b, a === b ? [] : rows(loaded[address], a, b));
    else load(address);
  };
  const load = (address) => {
    const script = document.createElement("script");
    script.src = `data/comparisons/${address}.js`;
    script.addEventListener("load", show);
    script.addEventListener("error", () => say([`data/comparisons/${address}.js cannot be read. The folder of this site is not whole.`]));
    document.head.append(script);
  };
  const say = (sentences) => {
    d3.select("#words").selectAll("p").data(sentences).join("p").text((text) => text);
    form.hidden = by("comparison").hidden = false;
  };

  // Every figure of a task both have, A against B whichever way round it was written.
  const rows = (pairs, a, b) => (pairs[setting.value][Math.max(a, b)] ?? []).map(
    ([task, difference, low, high, p, better, seedsA, seedsB, cases, settle]) => {
      const { seen, ...of } = settings[setting.value].tasks[task];
      const one = { ...of, p, cases, settle, saw: [seen[a], seen[b]] };
      if (a < b) return { ...one, difference, low, high, better, seeds: [seedsA, seedsB] };
      const turned = (value) => (value === null ? null : 0 - value);
      return { ...one, difference: turned(difference), low: turned(high), high: turned(low), better: turned(better), seeds: [seedsB, seedsA] };
    });

  const present = (a, b, found) => {
    const one = settings[setting.value];
    by("alert").textContent = one.warnings.join(" ");
    by("alert").hidden = !one.warnings.length;
    by("alert").classList.toggle("phantom", one.data_source === "phantom");
    breakable(by("versus"), `${names[a]} against ${names[b]}`);
    by("found").hidden = !found.length;
    if (!found.length) {
      say([names.length < 2 ? "There is only one backbone." : a === b ? "Choose two different backbones." : "These two have no task in common here."]);
      return;
    }
    say(summary(names[a], names[b], found, one.tasks.length));
    by("command").textContent = command(names[a], names[b]);
    by("differences").querySelector("figcaption").textContent = `${names[a]} − ${names[b]}, with 95 % intervals. Right of zero and a triangle: ${names[a]} is better; left of it and a square: ${names[b]} is; a circle: open or untested.`;
    const lines = d3.select("#tests tbody").selectAll("tr").data(found).join("tr").attr("class", one.data_source);
    lines.selectAll("th, td").data((row) => cells(row, names[a], names[b])).join((enter) => enter.append((_, i) => document.createElement(i ? "td" : "th")))
      .attr("scope", (_, i) => (i ? null : "row")).attr("class", (_, i) => ["name", "text"][i] ?? "num").each(function fill(text) { breakable(this, String(text)); });
    redraw(found.map((row) => ({ task: row.name, mean: row.difference, low: row.low, high: row.high, leader: { 1: "first", [-1]: "second" }[row.better] ?? "open" })));
  };

  const summary = (a, b, found, tasks) => {
    const count = (better) => found.filter((row) => row.better === better).length;
    const number = (n) => `${n} ${n === 1 ? "task" : "tasks"}`;
    const said = [
      `A is ${a}, B is ${b}.`,
      `Of ${number(found.length)}, A is better on ${count(1)} and B on ${count(-1)}; ${count(0)} open (no significant difference), ${count(null)} untested.`,
    ];
    for (const [name, place] of [[a, 0], [b, 1]]) {
      const saw = found.filter((row) => row.saw[place]).map((row) => `${row.name}: ${row.saw[place]}`);
      if (saw.length) said.push(`In its pretraining, ${name}: ${saw.join("; ")}.`);
    }
    if (found.length < tasks) said.push(`${number(tasks - found.length)} of these figures not shown: not run with both.`);
    return said;
  };

  const nothing = "–";
  const signed = (value) => `${value < 0 ? "" : "+"}${value.toFixed(1)}`.replace("-0.0", "+0.0");
  const chance = (p) => (p < 0.001 ? "< 0.001" : p.toFixed(3));
  const cells = (row, a, b) => [
    `${row.name}, ${row.metric}`,
    { 1: a, [-1]: b, 0: "open" }[row.better] ?? "untested",
    signed(row.difference),
    row.low === null ? nothing : `${signed(row.low)} to ${signed(row.high)}`,
    row.p === null ? nothing : chance(row.p),
    row.cases || nothing,
    [...new Set(row.seeds)].join(", "),
    row.settle === null ? nothing : row.settle === 0 ? "none" : row.settle > most ? `> ${most}` : row.settle,
  ];

  // As a shell reads it: whatever a name holds, it is one word and no option.
  const quoted = (name) => (/^[\w.,:/@%+=-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`);
  const command = (a, b) => `python -m reports compare RESULTS ${a.startsWith("-") || b.startsWith("-") ? "-- " : ""}${quoted(a)} ${quoted(b)}`;
  const copy = by("copy");
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(by("command").textContent);
    copy.textContent = "Copied";
  });

  by("scriptless").hidden = true;
  form.addEventListener("change", show);
  window.addEventListener("hashchange", () => { choose(); show(); });
  choose();
  show();
});
