// Target against result over the quarter, with every adjustment as a step.
import {lines, ofLine} from "../lib/data.js";
import {card, empty, h, table} from "../lib/dom.js";
import * as f from "../lib/format.js";
import {t} from "../lib/language.js";
import {lineChoice, unitLink} from "../lib/marks.js";
import {filedBelow, steps, stepsLegend} from "../lib/steps.js";

export const files = ["series", "adjustments"];
let line, chosen;

export function render(data, width, again) {
  const all = lines(data.series);
  line = all.find((one) => one.key === line?.key) ?? all[0];
  const rows = ofLine(data.series, line);
  const of = new Map();
  for (const row of rows) if (data.units.get(row.unit_id)) of.set(row.unit_id, [...(of.get(row.unit_id) ?? []), row]);
  if (of.size === 0) return [empty(t("quarter.none"))];
  const ids = data.units.all.map((unit) => unit.unit_id).filter((id) => of.has(id));
  const asked = Number(new URL(location.href).searchParams.get("u"));
  const id = of.has(chosen) ? chosen : of.has(asked) ? asked : ids.find((one) => filedBelow(data, one, line, of.get(one)).length > 0) ?? ids[0];
  const points = of.get(id), filed = filedBelow(data, id, line, points), last = points.at(-1);
  // those filed at once are one step in the picture, and each an adjustment in the list
  const adjustments = ofLine(data.adjustments, line).filter((a) => a.grain === "quarter" && filed.some((one) => one.filed_at === a.filed_at) && data.units.tree(id).includes(a.unit_id));
  const pick = (to) => { chosen = to; again(); };
  const controls = h("div", {class: "controls"},
    h("label", {class: "choice"}, `${t("col.unit")} `, h("select", {id: "unit", onchange: (event) => pick(ids[event.target.selectedIndex])},
      ids.map((one) => h("option", {selected: one === id}, `${"\u2003".repeat(Math.max(0, data.units.path(one).length - 1))}${data.units.name(one)}`)))),
    lineChoice(all, line, (to) => { line = to; again(); }));
  return [
    controls,
    h("section", {class: "card"},
      h("h2", {}, unitLink(data.units, id)),
      h("p", {class: "note"}, t("quarter.summary", {actual: f.amount(last.actual), target: f.amount(last.target_value), original: f.amount(last.original_value),
        attainment: f.percent(last.actual / last.target_value), of_original: f.percent(last.actual / last.original_value), steps: adjustments.length, currency: data.context.currency})),
      h("figure", {class: "chart", id: "steps"}, steps(points, filed, data.context, {width: width, height: width < 600 ? 280 : 380})), stepsLegend()),
    card(t("quarter.steps"), null, filed.length === 0 ? empty(t("quarter.no_steps")) : table([
      {head: t("col.when"), cell: (a) => f.time(a.filed_at)},
      {head: t("col.unit"), cell: (a) => unitLink(data.units, a.unit_id, a.unit_name)},
      {head: t("col.from"), num: true, cell: (a) => f.amount(a.old_value)},
      {head: t("col.to"), num: true, cell: (a) => h("b", {}, f.amount(a.new_value))},
      {head: t("col.change"), num: true, cell: (a) => f.change(a.change)},
      {head: t("col.reason"), class: "text", cell: (a) => a.reason}
    ], adjustments)),
    card(t("quarter.all"), t("quarter.all_note"), h("div", {class: "multiples"},
      ids.filter((one) => data.units.get(one).unit_kind !== "rep").slice(0, 60).map((one) => {
        const its = of.get(one), end = its.at(-1);
        return h("button", {type: "button", class: "multiple", "aria-pressed": String(one === id), onclick: () => { pick(one); scrollTo({top: 0}); }},
          h("b", {}, data.units.name(one)), h("span", {}, f.percent(end.actual / end.target_value)),
          steps(its, filedBelow(data, one, line, its), data.context, {width: 190, height: 84, small: true}));
      })))
  ];
}
