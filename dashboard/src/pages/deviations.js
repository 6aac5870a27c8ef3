// What calls for an act, how old it is, and how fast others were answered.
import * as Plot from "@observablehq/plot";
import {card, empty, h, table} from "../lib/dom.js";
import * as f from "../lib/format.js";
import {reason, t} from "../lib/language.js";
import {COLOUR, remedy, unitLink} from "../lib/marks.js";

export const files = ["deviations", "sri"];

const kind = (row) => h("span", {class: "badge", style: `--tone:${COLOUR[row.kind] ?? COLOUR.none}`}, t(`kind.${row.kind}`), row.subject && h("small", {}, ` ${row.subject}`));
// One unit may have several of a kind at once: of a month and its quarter, of two product lines.
const of = (row) => [f.period(row), row.product_line].filter(Boolean).join(" · ");

export function render(data, width) {
  const open = data.deviations.filter((d) => d.status === "open").sort((a, b) => b.days - a.days);
  const ended = data.deviations.filter((d) => d.status !== "open");
  const late = open.filter((d) => d.act_within_days != null && d.days > d.act_within_days).length;
  return [
    card(t("deviations.open", {count: open.length}), open.length ? t("deviations.open_note", {late}) : null,
      open.length === 0 ? empty(t("deviations.none_open")) : openTable(data, open)),
    card(t("deviations.timeline"), t("deviations.timeline_note"), data.deviations.length === 0 ? empty(t("deviations.none")) : timeline(data, width)),
    card(t("deviations.sri"), t("deviations.sri_note"), data.sri.some((s) => s.mean_days != null) ? response(data, width) : empty(t("deviations.no_sri"))),
    card(t("deviations.ended", {count: ended.length}), null, ended.length === 0 ? empty(t("deviations.none_ended")) : endedTable(data, ended))
  ];
}

function age(d) {
  const limit = d.act_within_days ?? 5, late = d.days > limit;
  return h("span", {class: `age ${late ? "below" : ""}`}, h("span", {class: "bar", "aria-hidden": "true"}, h("i", {style: `width:${Math.min(100, (100 * d.days) / (2 * limit))}%`}), h("u", {})),
    h("b", {}, f.fixed(d.days)), late && h("small", {}, ` ${t("deviations.late")}`));
}

function openTable(data, rows) {
  return table([
    {head: t("col.unit"), class: "who", cell: (d) => [unitLink(data.units, d.unit_id, d.unit_name), h("small", {class: "why"}, d.units ? t("deviations.names", {units: d.units}) : "")]},
    {head: t("col.kind"), cell: kind},
    {head: t("col.period"), key: "period", class: "when", cell: of},
    {head: t("col.detected"), cell: (d) => f.shortTime(d.detected_at)},
    {head: t("col.age"), key: "age", cell: age},
    {head: t("col.remedy"), class: "diagnosis", cell: remedy},
    {head: t("col.reason"), class: "text", cell: (d) => reason(d)}
  ], rows, {id: "open"});
}

function endedTable(data, rows) {
  return table([
    {head: t("col.unit"), class: "who", cell: (d) => unitLink(data.units, d.unit_id, d.unit_name)},
    {head: t("col.kind"), cell: kind},
    {head: t("col.period"), key: "period", class: "when", cell: of},
    {head: t("col.detected"), cell: (d) => f.shortTime(d.detected_at)},
    {head: t("col.days"), key: "days", num: true, cell: (d) => f.fixed(d.days)},
    {head: t("col.how"), cell: (d) => [t(`ending.${d.status}`), d.action && h("small", {}, ` ${t(`action.${d.action}`)}`)]},
    {head: t("col.by"), cell: (d) => d.acted_by ?? "–"},
    {head: t("col.note"), class: "text", cell: (d) => d.note ?? ""}
  ], rows);
}

// One bar per deviation, from its detection to its end; those open reach to now.
function timeline(data, width) {
  const limit = 40;
  const rows = data.deviations.slice(0, limit).map((d) => ({...d, from: new Date(d.detected_at), to: new Date(new Date(d.detected_at).getTime() + d.days * 864e5)}))
    .sort((a, b) => a.from - b.from).map((d, n) => ({...d, n, label: d.unit_name ?? "–"}));
  const narrow = width < 560;
  return h("figure", {class: "chart", id: "timeline"}, Plot.plot({
    width, height: rows.length * 17 + 50, marginLeft: narrow ? 88 : 130, marginRight: narrow ? 20 : 60, marginTop: 6, marginBottom: 34,
    style: {fontSize: narrow ? "11px" : "12px", fontFamily: "inherit"}, ariaLabel: t("deviations.timeline"),
    x: {type: "utc", label: null, grid: true, ticks: narrow ? 4 : 8, tickFormat: f.shortDate}, y: {domain: rows.map((d) => d.n), label: null, tickFormat: (n) => rows[n].label, tickSize: 0},
    marks: [
      Plot.barX(rows, {x1: "from", x2: "to", y: "n", fill: (d) => COLOUR[d.kind] ?? COLOUR.none, fillOpacity: (d) => (d.status === "open" ? 0.95 : 0.55), insetTop: 3, insetBottom: 3, rx: 2}),
      Plot.dot(rows, {x: "to", y: "n", r: 4, stroke: (d) => COLOUR[d.kind] ?? COLOUR.none, fill: (d) => (d.status === "open" ? "#fff" : COLOUR[d.kind] ?? COLOUR.none), strokeWidth: 1.8}),
      Plot.text(rows, {x: "to", y: "n", text: (d) => t("unit.days_short", {days: f.fixed(d.days)}), dx: 9, textAnchor: "start", filter: () => !narrow, fill: "#5c6b7a"}),
      Plot.tip(rows, Plot.pointer({x: "to", y: "n", fontSize: 12, lineWidth: narrow ? 22 : 34, title: (d) => [`${d.label} · ${of(d)}`, `${t(`kind.${d.kind}`)} · ${t(`ending.${d.status}`)} · ${t("unit.days_short", {days: f.fixed(d.days)})}`, "", reason(d)].join("\n")}))
    ]
  }), h("figcaption", {class: "legend"}, [...new Set(rows.map((d) => d.kind))].map((k) => h("span", {}, h("i", {class: "swatch", style: `background:${COLOUR[k] ?? COLOUR.none}`}), t(`kind.${k}`))), h("span", {}, t("deviations.ring"))));
}

function response(data, width) {
  const some = data.sri.filter((s) => s.mean_days != null), regions = some.filter((s) => data.units.get(s.unit_id)?.unit_kind === "region");
  const rows = (regions.length > 0 ? regions : some).map((s) => ({...s, date: new Date(s.month), name: data.units.name(s.unit_id)}));
  const names = [...new Set(rows.map((r) => r.name))];
  const palette = ["#0072b2", "#d55e00", "#009e73", "#b0629a", "#e69f00", "#56b4e9"];
  const symbols = ["circle", "triangle", "square", "diamond", "star", "cross"];
  return h("figure", {class: "chart"}, Plot.plot({
    width, height: 230, marginLeft: 40, marginRight: 40, marginTop: 26, marginBottom: 30, style: {fontSize: "12px", fontFamily: "inherit"}, ariaLabel: t("deviations.sri"),
    x: {type: "utc", label: null, ticks: rows.length ? [...new Set(rows.map((r) => +r.date))].map((d) => new Date(d)) : [], tickFormat: f.month}, y: {zero: true, grid: true, label: t("deviations.sri_axis"), labelArrow: "none"},
    color: {domain: names, range: palette}, symbol: {domain: names, range: symbols},
    marks: [
      Plot.line(rows, {x: "date", y: "mean_days", stroke: "name", strokeWidth: 2}),
      Plot.dot(rows, {x: "date", y: "mean_days", stroke: "name", symbol: "name", fill: "white", r: 5, strokeWidth: 2}),
      Plot.text(rows, {x: "date", y: "mean_days", text: (r) => f.fixed(r.mean_days), dy: -13, fontWeight: 600, stroke: "white", strokeWidth: 3, fill: "#1b2733"}),
      Plot.tip(rows, Plot.pointer({x: "date", y: "mean_days", fontSize: 12, title: (r) => [`${r.name}, ${f.month(r.month)}`, t("deviations.sri_tip", {mean: f.fixed(r.mean_days), median: f.fixed(r.median_days), acted: r.acted, open: r.open, dismissed: r.dismissed, recovered: r.recovered})].join("\n")}))
    ]
  }), h("figcaption", {class: "legend"}, names.map((name, n) => h("span", {}, h("i", {class: "swatch", style: `background:${palette[n % 6]}`}), name))));
}
