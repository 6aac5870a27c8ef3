// Pace against density: one dot per unit, with the lines it is judged by.
import * as Plot from "@observablehq/plot";
import {lines, ofLine} from "../lib/data.js";
import {card, empty, h, table} from "../lib/dom.js";
import * as f from "../lib/format.js";
import {placeLabels} from "../lib/labels.js";
import {reason, t} from "../lib/language.js";
import {against, COLOUR, glyph, lineChoice, quadrantBadge, remedy, segments, SHAPE, unitLink} from "../lib/marks.js";

export const files = ["diagnosis", "diagnosis_month"];
let line, grain = "quarter";
const QUADRANTS = ["environment", "on_track", "execution", "windfall"];

export function render(data, width, again) {
  const rows = grain === "quarter" ? data.diagnosis : data.diagnosis_month;
  const all = lines(rows);
  line = all.find((one) => one.key === line?.key) ?? all[0];
  const told = ofLine(rows, line);
  const dots = told.filter((row) => row.pace != null && row.density_index != null).map((row) => ({...row, unit: data.units.get(row.unit_id)})).filter((row) => row.unit);
  const calls = told.filter((row) => row.signal === "strong");
  const controls = h("div", {class: "controls"},
    segments([["quarter", t("grain.quarter")], ["month", t("grain.month")]], grain, (to) => { grain = to; again(); }, t("grain.label")),
    lineChoice(all, line, (to) => { line = to; again(); }));
  if (dots.length === 0) return [controls, empty(t("quadrant.none_yet"))];
  return [
    controls,
    h("div", {class: "counts"}, QUADRANTS.map((q) => {
      const members = dots.filter((row) => row.quadrant === q);
      return h("div", {class: "count", style: `--tone:${COLOUR[q]}`, "data-quadrant": q}, glyph(q), h("b", {}, members.length), h("span", {}, t(`quadrant.${q}`), h("small", {}, t("quadrant.strong", {count: members.filter((row) => row.signal === "strong").length}))));
    })),
    card(t("quadrant.chart"), t("quadrant.chart_note"), chart(dots, width)),
    card(t("quadrant.calls"), t("quadrant.calls_note"), calls.length === 0 ? empty(t("quadrant.no_calls")) : callTable(data, calls, "calls")),
    card(t("quadrant.all"), null, h("details", {}, h("summary", {}, t("quadrant.show_all", {count: dots.length})), callTable(data, told)))
  ];
}

const tip = (row) => [
  row.unit.unit_name, "",
  `${t("col.pace")} ${f.percent(row.pace)} · ${t("col.index")} ${f.fixed(row.density_index, 2)}`,
  `${t(`quadrant.${row.quadrant}`)}, ${t(`signal.${row.signal}`)}`,
  `${t("col.remedy")}: ${t(`remedy.${row.remedy}`)}`, "",
  reason(row)
].join("\n");

function chart(dots, width) {
  const narrow = width < 560;
  const height = narrow ? Math.max(340, width * 0.95) : Math.round(Math.min(620, width * 0.58));
  const {floor, attainment_margin, density_margin} = common(dots);
  const margin = {top: 26, right: 14, bottom: 42, left: 48};
  const x = domain(dots.map((d) => d.density_index), [1 - density_margin, 1 + density_margin]);
  const y = domain(dots.map((d) => d.pace), [floor - attainment_margin, floor + attainment_margin]);
  const px = (v) => margin.left + ((v - x[0]) / (x[1] - x[0])) * (width - margin.left - margin.right);
  const py = (v) => height - margin.bottom - ((v - y[0]) / (y[1] - y[0])) * (height - margin.top - margin.bottom);
  const font = narrow ? 11 : 12;
  const places = dots.length > 60 ? dots.map(() => null)
    : placeLabels(dots.map((d) => ({x: px(d.density_index), y: py(d.pace), text: d.unit.unit_name})), {left: margin.left, right: width, top: margin.top, bottom: height - margin.bottom}, font);
  const corners = [
    {q: "windfall", x1: x[0], x2: 1, y1: floor, y2: y[1]}, {q: "on_track", x1: 1, x2: x[1], y1: floor, y2: y[1]},
    {q: "execution", x1: x[0], x2: 1, y1: y[0], y2: floor}, {q: "environment", x1: 1, x2: x[1], y1: y[0], y2: floor}
  ];
  const plot = Plot.plot({
    width, height, marginTop: margin.top, marginRight: margin.right, marginBottom: margin.bottom, marginLeft: margin.left,
    style: {fontSize: `${font}px`, fontFamily: "inherit"},
    ariaLabel: t("quadrant.chart"),
    x: {domain: x, label: t("quadrant.x"), labelAnchor: "center", labelArrow: "none", ticks: narrow ? 4 : 8, tickFormat: (v) => f.fixed(v, 1)},
    y: {domain: y, label: t("quadrant.y"), labelArrow: "none", ticks: narrow ? 5 : 8, tickFormat: (v) => f.percent(v, 0)},
    symbol: {domain: Object.keys(SHAPE), range: Object.values(SHAPE)},
    marks: [
      Plot.rect(corners, {x1: "x1", x2: "x2", y1: "y1", y2: "y2", fill: (d) => COLOUR[d.q], fillOpacity: 0.055}),
      ...corners.map((c) => Plot.text([c], {x: c.x2 === 1 ? x[0] : x[1], y: c.y1 === floor ? y[1] : y[0], text: () => t(`quadrant.${c.q}`), fill: COLOUR[c.q], fontWeight: 700, fontSize: font + 1,
        textAnchor: c.x2 === 1 ? "start" : "end", dx: c.x2 === 1 ? 8 : -8, dy: c.y1 === floor ? 14 : -12})),
      Plot.ruleX([1 - density_margin, 1 + density_margin], {stroke: "#8794a0", strokeDasharray: "3,4"}),
      Plot.ruleY([floor - attainment_margin, floor + attainment_margin], {stroke: "#8794a0", strokeDasharray: "3,4"}),
      Plot.ruleX([1], {stroke: "#1b2733", strokeWidth: 1.3}),
      Plot.ruleY([floor], {stroke: "#1b2733", strokeWidth: 1.3}),
      Plot.dot(dots, {x: "density_index", y: "pace", symbol: "quadrant", stroke: (d) => COLOUR[d.quadrant], strokeWidth: 1.8,
        fill: (d) => (d.signal === "strong" ? COLOUR[d.quadrant] : "#ffffff"), r: dots.length > 60 ? 4 : (d) => (d.unit.unit_kind === "team" || d.unit.unit_kind === "rep" ? 5 : 7.5), className: "dots"}),
      ...dots.map((d, n) => places[n] && Plot.text([d], {x: "density_index", y: "pace", text: (e) => e.unit.unit_name, dx: places[n].dx, dy: places[n].dy, textAnchor: places[n].anchor,
        fontSize: font, fontWeight: d.unit.unit_kind === "team" || d.unit.unit_kind === "rep" ? 400 : 700, stroke: "white", strokeWidth: 3, fill: "#1b2733"})),
      Plot.tip(dots, Plot.pointer({x: "density_index", y: "pace", title: tip, lineWidth: narrow ? 22 : 32, fontSize: 12, textPadding: 9, maxRadius: 60}))
    ]
  });
  plot.addEventListener("click", () => { if (plot.value) location.href = `./unit?u=${plot.value.unit_id}`; });
  return h("figure", {class: "chart", id: "quadrant-chart"}, plot, h("figcaption", {class: "legend"},
    h("span", {}, t("quadrant.legend_filled")), h("span", {}, t("quadrant.legend_hollow")), h("span", {}, t("quadrant.legend_dashed"))));
}

// The lines most units go by; a unit with lines of its own is still coloured by them.
function common(dots) {
  const count = new Map();
  for (const d of dots) {
    const key = [d.floor, d.attainment_margin, d.density_margin].join();
    count.set(key, (count.get(key) ?? 0) + 1);
  }
  const [floor, attainment_margin, density_margin] = [...count].sort((a, b) => b[1] - a[1])[0][0].split(",").map(Number);
  return {floor, attainment_margin, density_margin};
}

function domain(values, [from, to]) {
  const low = Math.min(from, ...values), high = Math.max(to, ...values), pad = (high - low) * 0.07;
  return [low - pad, high + pad];
}

function callTable(data, rows, id) {
  return table([
    {head: t("col.unit"), class: "who", cell: (r) => [unitLink(data.units, r.unit_id), h("small", {class: "why"}, data.units.get(r.unit_id)?.region ?? "")]},
    {head: t("col.diagnosis"), class: "diagnosis", cell: quadrantBadge},
    {head: t("col.pace"), key: "pace", num: true, hint: t("hint.pace"), cell: (r) => against(r.pace, r.floor, f.percent(r.pace))},
    {head: t("col.index"), key: "index", num: true, hint: t("hint.index"), cell: (r) => f.fixed(r.density_index, 2)},
    {head: t("col.remedy"), class: "diagnosis", cell: remedy},
    {head: t("col.reason"), class: "text", cell: (r) => reason(r)}
  ], rows, {id});
}
