// Target against result over the quarter: the result as it grew, today's target with a
// step at each adjustment, the original, and what would have been on time.
import * as Plot from "@observablehq/plot";
import {h} from "./dom.js";
import * as f from "./format.js";
import {t} from "./language.js";
import {COLOUR} from "./marks.js";

export function steps(points, filed, context, {width, height = 300, small = false}) {
  const from = new Date(context.quarter_from), to = new Date(context.quarter_to);
  const rows = points.map((p) => ({...p, date: new Date(p.at), due: p.target_value * (p.elapsed_share ?? 0)}));
  const first = {...rows[0], date: from, actual: 0, due: 0, target_value: filed.length ? filed[0].before : rows[0].target_value};
  const line = [first, ...rows];
  const last = rows.at(-1);
  const target = [...line, {...last, date: to}];
  const top = Math.max(...line.map((r) => Math.max(r.target_value, r.original_value, r.actual))) * 1.1;
  return Plot.plot({
    width, height, marginLeft: small ? 8 : 52, marginRight: small ? 8 : 16, marginTop: small ? 6 : 18, marginBottom: small ? 8 : 30,
    style: {fontSize: "12px", fontFamily: "inherit"}, ariaLabel: t("quarter.chart"),
    x: {type: "utc", domain: [from, to], label: null, axis: small ? null : "bottom", ticks: small ? 0 : (width < 500 ? 4 : 8), tickFormat: (d) => f.shortDate(d)},
    y: {domain: [0, top], label: null, axis: small ? null : "left", grid: !small, tickFormat: f.amount, ticks: 6},
    marks: [
      Plot.areaY(line, {x: "date", y: "actual", fill: COLOUR.result, fillOpacity: 0.13}),
      Plot.line([{x: from, y: first.original_value}, {x: to, y: first.original_value}], {x: "x", y: "y", stroke: "#5c6b7a", strokeWidth: 1.4, strokeDasharray: "2,4"}),
      Plot.line(line, {x: "date", y: "due", stroke: COLOUR.execution, strokeWidth: small ? 1.2 : 1.6, strokeDasharray: "6,4"}),
      Plot.line(target, {x: "date", y: "target_value", curve: "step-after", stroke: COLOUR.target, strokeWidth: small ? 1.6 : 2.2}),
      Plot.line(line, {x: "date", y: "actual", stroke: COLOUR.result, strokeWidth: small ? 1.8 : 2.6}),
      small ? null : Plot.ruleX([last.date], {stroke: "#8794a0", strokeWidth: 1}),
      small ? null : Plot.text([last], {x: "date", y: () => top, text: () => t("quarter.now"), dy: -8, fill: "#5c6b7a"}),
      Plot.dot(filed, {x: "date", y: "after", r: small ? 2.5 : 4.5, fill: "#ffffff", stroke: COLOUR.target, strokeWidth: 1.8}),
      ...(small ? [] : aside(filed, (a) => ((a.date - from) / (to - from)) * width).map(([a, dy]) =>
        Plot.text([a], {x: "date", y: "after", text: () => f.change(a.change), dy, fontWeight: 700, stroke: "white", strokeWidth: 4, fill: COLOUR.target}))),
      small ? null : Plot.tip(line.slice(1), Plot.pointerX({x: "date", y: "actual", fontSize: 12, title: (r) => [
        f.time(r.at), "", `${t("quarter.result")} ${f.amount(r.actual)}`, `${t("quarter.target")} ${f.amount(r.target_value)}`,
        `${t("quarter.original")} ${f.amount(r.original_value)}`, `${t("quarter.due")} ${f.amount(r.due)}`,
        `${t("col.attainment")} ${f.percent(r.target_value ? r.actual / r.target_value : null)}`].join("\n")}))
    ]
  });
}

// Texts of neighbours closer than a text is wide go above and below in turn.
export function aside(marks, x, near = 52) {
  let above = true;
  return marks.map((mark, n) => {
    above = n === 0 || x(mark) - x(marks[n - 1]) > near || !above;
    return [mark, above ? -14 : 15];
  });
}

// The steps of a unit: its own adjustments, and of those below it whose sum it is.
export function filedBelow(data, unit_id, line, points) {
  const tree = new Set(data.units.tree(unit_id));
  return data.adjustments
    .filter((a) => a.status === "filed" && a.grain === "quarter" && tree.has(a.unit_id) && a.measure === line.measure && a.product_line === line.product_line && a.period_start === data.context.quarter_start)
    .map((a) => {
      const n = points.findIndex((p) => Math.abs(new Date(p.at) - new Date(a.filed_at)) < 1);
      const after = n >= 0 ? points[n].target_value : null;
      const before = n > 0 ? points[n - 1].target_value : points[0]?.original_value;
      // of the original, as the cap is
      return {...a, date: new Date(a.filed_at), after, before, change: before ? (after - before) / points[n].original_value : null};
    })
    .filter((a) => a.after != null && a.after !== a.before)
    .sort((a, b) => a.date - b.date)
    // two at one moment are one step
    .filter((a, n, all) => n === 0 || a.date.getTime() !== all[n - 1].date.getTime());
}

export function stepsLegend() {
  const mark = (cls, text) => h("span", {}, h("i", {class: `stroke ${cls}`, "aria-hidden": "true"}), text);
  return h("p", {class: "legend"}, mark("result", t("quarter.result")), mark("target", t("quarter.target")), mark("original", t("quarter.original")), mark("due", t("quarter.due")),
    h("span", {}, h("i", {class: "ring", "aria-hidden": "true"}), t("quarter.adjustment")));
}
