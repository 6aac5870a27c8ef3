// Pilot against control: the effect with its interval, and each unit before and after.
import * as Plot from "@observablehq/plot";
import {card, empty, h, table} from "../lib/dom.js";
import * as f from "../lib/format.js";
import {reason, t} from "../lib/language.js";
import {COLOUR, unitLink} from "../lib/marks.js";

export const files = ["pilot_effect", "pilot_figure"];

const FORMAT = {attainment_original: (v) => f.percent(v), sri_days: (v) => f.fixed(v), nps: (v) => f.signed(v, 0)};
const EFFECT = {attainment_original: (v) => f.points(v), sri_days: (v) => f.signed(v), nps: (v) => f.signed(v, 1)};

export function render(data, width) {
  if (data.pilot_effect.length === 0) return [empty(t("pilot.none"))];
  const pilots = [...new Set(data.pilot_effect.map((e) => e.pilot_id))];
  return pilots.map((id) => {
    const effects = data.pilot_effect.filter((e) => e.pilot_id === id), one = effects[0];
    return h("section", {class: "card pilot"}, h("h2", {}, one.pilot_name),
      h("p", {class: "note"}, t("pilot.days", {before_from: f.date(one.before_from), before_to: f.date(one.before_to), after_from: f.date(one.after_from), after_to: f.date(one.after_to)})),
      effects.map((e) => outcome(data, e, width)));
  });
}

function outcome(data, e, width) {
  const show = FORMAT[e.outcome] ?? ((v) => f.fixed(v)), diff = EFFECT[e.outcome] ?? ((v) => f.signed(v));
  const figures = data.pilot_figure.filter((p) => p.pilot_id === e.pilot_id && p.outcome === e.outcome && p.measure === e.measure && p.change != null);
  const half = width > 900 ? Math.floor(width / 2) - 20 : width;
  return h("div", {class: "outcome", "data-outcome": e.outcome},
    h("div", {},
      h("h3", {}, t(`outcome.${e.outcome}`)),
      e.effect != null && h("p", {class: "effect"}, h("strong", {"data-key": "effect"}, diff(e.effect)), h("span", {}, t(`outcome.unit.${e.outcome}`)),
        e.ci_low != null && h("span", {"data-key": "interval"}, t("pilot.interval", {low: diff(e.ci_low), high: diff(e.ci_high)}))),
      e.ci_low != null && interval(e, diff, half),
      h("p", {class: "sentence"}, reason(e)),
      e.pilot_before != null && table([
        {head: t("col.arm"), cell: (r) => [h("i", {class: "swatch", style: `background:${COLOUR[r.arm]}`}), " ", t(`arm.${r.arm}`)]},
        {head: t("col.units"), num: true, cell: (r) => `${r.units} / ${r.listed}`},
        {head: t("col.before"), num: true, cell: (r) => show(r.before)},
        {head: t("col.after"), num: true, cell: (r) => show(r.after)},
        {head: t("col.change"), num: true, cell: (r) => h("b", {}, diff(r.after - r.before))}
      ], ["pilot", "control"].map((arm) => ({arm, units: e[`${arm}_units`], listed: e[`${arm}_listed`], before: e[`${arm}_before`], after: e[`${arm}_after`]})))),
    figures.length > 1 && slopes(figures, show, half));
}

// The effect as a dot in its interval; where that leaves zero out, chance is no explanation.
function interval(e, diff, width) {
  const low = Math.min(0, e.ci_low), high = Math.max(0, e.ci_high), pad = (high - low) * 0.14;
  return h("figure", {class: "chart"}, Plot.plot({
    width, height: 92, marginLeft: 20, marginRight: 20, marginTop: 22, marginBottom: 30, style: {fontSize: "12px", fontFamily: "inherit"}, ariaLabel: t("pilot.interval", {low: diff(e.ci_low), high: diff(e.ci_high)}),
    x: {domain: [low - pad, high + pad], label: null, ticks: 6, tickFormat: diff}, y: {axis: null, domain: [-1, 1]},
    marks: [
      Plot.ruleX([0], {stroke: "#1b2733", strokeDasharray: "3,3"}), Plot.text([0], {x: 0, y: () => 1, text: () => t("pilot.no_effect"), dy: -12, fill: "#5c6b7a"}),
      Plot.link([e], {x1: "ci_low", x2: "ci_high", y1: () => 0, y2: () => 0, stroke: COLOUR.pilot, strokeWidth: 6, strokeOpacity: 0.3, strokeLinecap: "round"}),
      Plot.dot([e], {x: "effect", y: () => 0, r: 7, fill: COLOUR.pilot}),
      Plot.text([e], {x: "effect", y: () => 0, text: () => diff(e.effect), dy: -16, fontWeight: 700})
    ]
  }));
}

function slopes(figures, show, width) {
  const lines = figures.flatMap((u) => [{...u, side: "before", value: u.before}, {...u, side: "after", value: u.after}]);
  const narrow = width < 520;
  return h("figure", {class: "chart"}, Plot.plot({
    width, height: 330, marginLeft: 60, marginRight: 150, marginTop: 40, marginBottom: 14, style: {fontSize: narrow ? "11px" : "12px", fontFamily: "inherit"}, ariaLabel: t("pilot.slopes"),
    x: {type: "point", domain: ["before", "after"], label: null, axis: "top", tickFormat: (side) => t(`col.${side}`), tickSize: 0, padding: 0}, y: {axis: null, insetTop: 8},
    marks: [
      Plot.ruleX(["before", "after"], {stroke: "#dfe5ea"}),
      Plot.line(lines, {x: "side", y: "value", z: "unit_id", stroke: (d) => COLOUR[d.arm], strokeWidth: 2}),
      Plot.dot(lines, {x: "side", y: "value", fill: (d) => (d.arm === "pilot" ? COLOUR.pilot : "white"), stroke: (d) => COLOUR[d.arm], strokeWidth: 2, r: 4}),
      Plot.text(spread(figures, "before"), {x: () => "before", y: "at", text: (d) => show(d.before), dx: -10, textAnchor: "end", fill: "#5c6b7a"}),
      Plot.text(spread(figures, "after"), {x: () => "after", y: "at", text: (d) => `${show(d.after)} ${d.unit_name}`, dx: 10, textAnchor: "start", fill: (d) => (d.arm === "pilot" ? COLOUR.pilot : "#5c6b7a"), fontWeight: 600})
    ]
  }), h("figcaption", {class: "legend"}, ["pilot", "control"].map((arm) => h("span", {}, h("i", {class: "swatch", style: `background:${COLOUR[arm]}`}), t(`arm.${arm}`)))));
}

// Names that would lie on one another move apart, as little as possible.
function spread(figures, side) {
  const values = figures.flatMap((u) => [u.before, u.after]), gap = (Math.max(...values) - Math.min(...values)) / 19;
  const sorted = [...figures].sort((a, b) => a[side] - b[side]).map((u) => ({...u, at: u[side]}));
  for (let round = 0; round < 200; round++) {
    let moved = false;
    for (let n = 1; n < sorted.length; n++) {
      const short = gap - (sorted[n].at - sorted[n - 1].at);
      if (short <= gap * 0.001) continue;
      sorted[n].at += short / 2;
      sorted[n - 1].at -= short / 2;
      moved = true;
    }
    if (!moved) break;
  }
  return sorted;
}
