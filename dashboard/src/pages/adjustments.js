// Who changed which target, when, why, on what evidence, and how long it took.
import * as Plot from "@observablehq/plot";
import {card, empty, h, table} from "../lib/dom.js";
import * as f from "../lib/format.js";
import {t} from "../lib/language.js";
import {COLOUR, unitLink} from "../lib/marks.js";
import {aside} from "../lib/steps.js";

export const files = ["adjustments", "requests", "budget"];

const units = () => ({minutes: t("unit.minutes"), hours: t("unit.hours"), days: t("unit.days")});
const STATUS = {filed: COLOUR.on_track, approved: "#56b4e9", submitted: "#e69f00", rejected: COLOUR.execution, withdrawn: COLOUR.none};
const GLYPH = {filed: "✓", approved: "◐", submitted: "○", rejected: "✕", withdrawn: "–"};

export function render(data, width) {
  const all = [
    ...data.adjustments.map((a) => ({...a, what: "adjustment", at: a.filed_at ?? a.ended_at ?? a.approved_at ?? a.submitted_at})),
    ...data.requests.map((r) => ({...r, what: "request", at: r.filed_at ?? r.ended_at ?? r.approved_at ?? r.submitted_at}))
  ].sort((a, b) => new Date(b.at) - new Date(a.at));
  if (all.length === 0) return [empty(t("adjustments.none")), budget(data)];
  return [
    card(t("adjustments.chart"), t("adjustments.chart_note"), chart(all, width)),
    card(t("adjustments.trail"), t("adjustments.trail_note"), h("ol", {class: "trail", id: "trail"}, all.map((one) => entry(data, one)))),
    budget(data)
  ];
}

function chart(all, width) {
  const rows = [...all].reverse().map((one) => ({...one, date: new Date(one.at), label: one.unit_name}));
  const names = [...new Set(rows.map((r) => r.label))], narrow = width < 560;
  const text = (r) => (r.what === "adjustment" ? f.change(r.change) : t(`request.${r.kind}`));
  const [first, last] = [rows[0].date, rows.at(-1).date], x = (r) => ((r.date - first) / (last - first || 1)) * (width - 166);
  const labels = names.flatMap((name) => aside(rows.filter((r) => r.label === name).filter((r, n, all) => n === 0 || all[n - 1].date < r.date), x, narrow ? 50 : 60));
  return h("figure", {class: "chart"}, Plot.plot({
    width, height: names.length * 44 + 46, marginLeft: narrow ? 84 : 120, marginRight: 46, marginBottom: 32, marginTop: 12, style: {fontSize: "12px", fontFamily: "inherit"}, ariaLabel: t("adjustments.chart"),
    x: {type: "utc", label: null, grid: true, nice: true, ticks: narrow ? "month" : 8, tickFormat: f.shortDate}, y: {domain: names, label: null, tickSize: 0},
    symbol: {domain: ["adjustment", "request"], range: ["circle", "square"]},
    marks: [
      Plot.ruleY(names, {stroke: "#dfe5ea"}),
      Plot.dot(rows, {x: "date", y: "label", symbol: "what", r: 7, stroke: (r) => STATUS[r.status], strokeWidth: 2, fill: (r) => (r.status === "filed" ? STATUS.filed : "white")}),
      ...labels.map(([r, dy]) => Plot.text([r], {x: "date", y: "label", text, dy, fontWeight: 600, stroke: "white", strokeWidth: 3, fill: "#1b2733"})),
      Plot.tip(rows, Plot.pointer({x: "date", y: "label", fontSize: 12, lineWidth: narrow ? 22 : 34, title: (r) => [`${r.label} · ${text(r)} · ${t(`status.${r.status}`)}`, f.time(r.at), "", r.reason, r.evidence ? `${t("adjustments.evidence")}: ${r.evidence}` : ""].join("\n")}))
    ]
  }), h("figcaption", {class: "legend"}, h("span", {}, `● ${t("adjustments.target")}`), h("span", {}, `■ ${t("adjustments.request")}`), [...new Set(rows.map((r) => r.status))].map((s) => h("span", {}, h("i", {class: "swatch", style: `background:${STATUS[s]}`}), t(`status.${s}`)))));
}

function entry(data, one) {
  const steps = [["submitted", one.submitted_by, one.submitted_at], ["approved", one.approved_by, one.approved_at, one.approved_comment], ["filed", one.filed_by, one.filed_at]];
  if (one.ended_at) steps.push([one.status, one.ended_by, one.ended_at, one.ended_comment]);
  return h("li", {class: one.status, style: `--tone:${STATUS[one.status]}`, "data-id": `${one.what}-${one.id}`},
    h("span", {class: "mark", "aria-hidden": "true"}, GLYPH[one.status]),
    h("div", {class: "what"},
      h("time", {}, f.time(one.at)), " ",
      h("strong", {}, unitLink(data.units, one.unit_id, one.unit_name)), " ",
      one.what === "adjustment"
        ? [h("span", {class: "values"}, f.amount(one.old_value), " → ", h("b", {}, f.amount(one.new_value))), " ", h("span", {class: "delta"}, f.change(one.change)),
          h("small", {}, ` ${f.period(one)}${one.product_line ? ` · ${one.product_line}` : ""}`)]
        : [h("span", {class: "values"}, t(`request.${one.kind}`), " ", h("b", {}, f.amount(one.amount)))],
      " ", h("span", {class: "badge", style: `--tone:${STATUS[one.status]}`}, t(`status.${one.status}`))),
    h("p", {class: "why"}, one.reason),
    one.evidence && h("p", {class: "evidence"}, h("span", {}, `${t("adjustments.evidence")} `), one.evidence),
    h("ol", {class: "road"}, steps.filter(([, , at]) => at).map(([step, who, at, comment]) =>
      h("li", {}, h("b", {}, t(`status.${step}`)), ` ${who ?? "–"} · ${f.shortTime(at)}`, comment && h("q", {}, comment)))),
    one.hours_to_file != null && h("p", {class: "took"}, t("adjustments.took", {time: f.duration(one.hours_to_file, units())})));
}

function budget(data) {
  const rows = data.budget.filter((b) => b.used > 0 || b.pending > 0 || ["company", "region", "team"].includes(data.units.get(b.unit_id)?.unit_kind)).filter((b) => data.units.get(b.unit_id));
  return card(t("adjustments.budget"), t("adjustments.budget_note"), rows.length === 0 ? empty(t("adjustments.no_budget")) : h("div", {class: "chips", id: "budget"}, rows.map((b) =>
    h("div", {class: `chip${b.remaining === 0 ? " spent" : ""}`, "data-unit": b.unit_id}, unitLink(data.units, b.unit_id),
      h("span", {class: "pips", "aria-hidden": "true"}, "●".repeat(Math.min(b.used, 9)) + "◐".repeat(Math.min(b.pending, 9)) + "○".repeat(Math.min(b.remaining, 9))),
      h("small", {}, t("adjustments.left", {used: b.used, remaining: b.remaining}))))));
}
