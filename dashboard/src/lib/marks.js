// The few shapes and colours all pages use. The colours are Okabe and Ito's, told apart by
// colour-blind eyes; each also has a shape or a word, so that none stands alone.
import {h, s} from "./dom.js";
import * as f from "./format.js";
import {t} from "./language.js";

export const COLOUR = {
  environment: "#0072b2", execution: "#d55e00", on_track: "#009e73", windfall: "#b0629a", none: "#8794a0",
  low_conversion: "#e69f00", shallow_coverage: "#56b4e9", stale_source: "#6b5b95", rule: "#8794a0",
  pilot: "#0072b2", control: "#8794a0", result: "#0072b2", target: "#1b2733", expected: "#8794a0"
};
export const SHAPE = {environment: "circle", execution: "triangle", on_track: "square", windfall: "diamond", none: "times"};
const GLYPH = {environment: "●", execution: "▲", on_track: "■", windfall: "◆", none: "×"};

export const glyph = (quadrant) => h("span", {class: "glyph", style: `color:${COLOUR[quadrant ?? "none"]}`, "aria-hidden": "true"}, GLYPH[quadrant ?? "none"]);

export function quadrantBadge(row, compact) {
  return h("span", {class: `badge${row.signal === "strong" ? " strong" : ""}`, style: `--tone:${COLOUR[row.quadrant ?? "none"]}`},
    glyph(row.quadrant), " ", t(`quadrant.${row.quadrant ?? "none"}`), compact ? row.signal === "strong" && " !" : row.quadrant && h("small", {}, ` ${t(`signal.${row.signal}`)}`));
}

export const remedy = (row) => h("span", {class: `remedy${["watch", "none"].includes(row.remedy) ? " quiet" : ""}`}, t(`remedy.${row.remedy}`));

export const unitLink = (units, id, name) => h("a", {href: `./unit?u=${id}`, class: "unit"}, name ?? units.name(id));

// Below or above a line, with a shape as well as a colour.
export function against(value, line, text) {
  if (value == null) return "–";
  const below = value < line;
  return h("span", {class: below ? "below" : "reached"}, h("i", {"aria-hidden": "true"}, below ? "▾" : "▴"), " ", text);
}

// Result against target in one bar: the full width is 125 % of today's target (more where
// it is exceeded), with the target, the original target, and the floor as of today.
export function bullet(row, most = 1.25) {
  const top = Math.max(most, row.attainment ?? 0, original(row) ?? 0) * 1.02;
  const x = (share) => `${(Math.max(0, Math.min(share, top)) / top) * 100}%`;
  const due = row.floor * (row.elapsed_share ?? 0);
  const late = row.attainment < due;
  const label = t("bullet.label", {attainment: f.percent(row.attainment), original: f.percent(row.attainment_original), floor: f.percent(due)});
  return s("svg", {class: "bullet", height: 22, width: "100%", role: "img", "aria-label": label}, s("title", {}, label),
    s("rect", {x: 0, y: 6, width: x(1), height: 10, class: "ground"}),
    s("rect", {x: 0, y: 6, width: x(row.attainment ?? 0), height: 10, class: late ? "late" : "ontime"}),
    s("line", {x1: x(1), x2: x(1), y1: 2, y2: 20, class: "today"}),
    original(row) != null && Math.abs(original(row) - 1) > 0.0005 &&
      s("line", {x1: x(original(row)), x2: x(original(row)), y1: 2, y2: 20, class: "original"}),
    s("line", {x1: x(due), x2: x(due), y1: 0, y2: 22, class: "floor"}));
}

const original = (row) => (row.target_value > 0 ? row.original_value / row.target_value : null);

export function bulletLegend() {
  const mark = (cls, text) => h("span", {}, h("i", {class: `key ${cls}`, "aria-hidden": "true"}), text);
  return h("p", {class: "legend"}, mark("ontime", t("bullet.ontime")), mark("late", t("bullet.late")), mark("floor", t("bullet.floor")),
    mark("today", t("bullet.today")), mark("original", t("bullet.original")));
}

// Choosing a measure and product line, where there is more than one.
export function lineChoice(all, chosen, onchange) {
  if (all.length < 2) return null;
  return h("label", {class: "choice"}, `${t("choice.line")} `,
    h("select", {onchange: (event) => onchange(all[event.target.selectedIndex])},
      all.map((line) => h("option", {selected: line.key === chosen?.key}, lineName(line)))));
}

export const lineName = (line) => [t(`measure.${line.measure}`), line.product_line || t("choice.all_lines")].join(" · ");

export function segments(options, chosen, onchange, label) {
  return h("div", {class: "segments", role: "group", "aria-label": label},
    options.map(([value, text]) => h("button", {type: "button", "aria-pressed": String(value === chosen), onclick: () => onchange(value)}, text)));
}
