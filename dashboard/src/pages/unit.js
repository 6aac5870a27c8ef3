// One unit: where it stands, what is open, what was changed, and what is below it.
import {ofLine, lines} from "../lib/data.js";
import {card, empty, h, table} from "../lib/dom.js";
import * as f from "../lib/format.js";
import {reason, t} from "../lib/language.js";
import {against, bullet, bulletLegend, quadrantBadge, remedy, unitLink} from "../lib/marks.js";
import {filedBelow, steps, stepsLegend} from "../lib/steps.js";

export const files = ["attainment", "diagnosis", "diagnosis_month", "deviations", "adjustments", "series", "shallow", "missed", "response"];
const asked = () => Number(new URL(location.href).searchParams.get("u"));
export const title = (data) => data.units.get(asked())?.unit_name ?? t("page.unit");

export function render(data, width) {
  const {units} = data, unit = units.get(asked());
  if (!unit) return [empty(t("unit.unknown")), h("ul", {class: "tree"}, units.tops.map((top) => h("li", {}, unitLink(units, top.unit_id))))];
  const tree = new Set(units.tree(unit.unit_id));
  const line = lines(data.series)[0];
  const told = [...data.diagnosis, ...data.diagnosis_month].filter((d) => d.unit_id === unit.unit_id);
  const points = line ? ofLine(data.series, line).filter((p) => p.unit_id === unit.unit_id) : [];
  const filed = points.length ? filedBelow(data, unit.unit_id, line, points) : [];
  const deviations = data.deviations.filter((d) => tree.has(d.unit_id));
  const missed = data.missed.filter((m) => m.unit_id === unit.unit_id), shallow = data.shallow.find((s) => s.unit_id === unit.unit_id);
  return [
    h("nav", {class: "path", "aria-label": t("unit.path")}, units.path(unit.unit_id).slice(0, -1).map((above) => [unitLink(units, above.unit_id), " › "]), h("span", {}, t(`kind_of.${unit.unit_kind}`))),
    card(t("unit.targets"), null, targets(data.attainment.filter((a) => a.unit_id === unit.unit_id).sort((a, b) => LONGEST.indexOf(a.grain) - LONGEST.indexOf(b.grain)))),
    told.some((d) => d.quadrant) && card(t("unit.diagnosis"), null, h("ul", {class: "reasons"}, told.filter((d) => d.reason_en).map((d) =>
      h("li", {}, h("b", {}, t(`grain.${d.grain}`), d.product_line && ` · ${d.product_line}`), " ", quadrantBadge(d), " ", remedy(d), h("p", {}, reason(d)))))),
    points.length > 1 && card(t("page.quarter"), null, h("figure", {class: "chart"}, steps(points, filed, data.context, {width: width, height: 260})), stepsLegend()),
    below(data, unit),
    (missed.length > 0 || shallow) && card(t("page.coverage"), null,
      shallow && h("p", {}, t("unit.shallow", {stuck: shallow.stuck, visited: shallow.visited, share: f.percent(shallow.share, 0)}), shallow.flagged && ` ▲ ${t("coverage.shallow_word")}`),
      missed.map((m) => h("p", {}, t("unit.missed", {month: f.month(m.period_start), attainment: f.percent(m.attainment), index: f.fixed(m.density_index, 2)})))),
    card(t("page.deviations"), null, deviations.length === 0 ? empty(t("deviations.none")) : table([
      {head: t("col.unit"), class: "who", cell: (d) => unitLink(units, d.unit_id, d.unit_name)},
      {head: t("col.kind"), cell: (d) => t(`kind.${d.kind}`)},
      {head: t("col.period"), cell: (d) => [f.period(d), d.product_line].filter(Boolean).join(" · ")},
      {head: t("col.detected"), cell: (d) => f.shortTime(d.detected_at)},
      {head: t("col.how"), cell: (d) => t(`ending.${d.status}`)},
      {head: t("col.days"), num: true, cell: (d) => f.fixed(d.days)},
      {head: t("col.reason"), class: "text", cell: (d) => reason(d)}
    ], deviations.slice(0, 30))),
    adjusted(data, tree)
  ];
}

const LONGEST = ["year", "quarter", "month", "week"];

function targets(rows) {
  if (rows.length === 0) return empty(t("unit.no_targets"));
  return [table([
    {head: t("col.period"), cell: (r) => [f.period(r), r.product_line && h("small", {}, ` ${r.product_line}`)]},
    {head: t("col.result_target"), class: "wide", cell: (r) => bullet(r)},
    {head: t("col.result"), num: true, cell: (r) => f.amount(r.actual)},
    {head: t("col.target"), num: true, cell: (r) => f.amount(r.target_value)},
    {head: t("col.target_original"), num: true, cell: (r) => f.amount(r.original_value)},
    {head: t("col.attainment"), key: "attainment", num: true, cell: (r) => h("b", {}, f.percent(r.attainment))},
    {head: t("col.original"), num: true, cell: (r) => f.percent(r.attainment_original)},
    {head: t("col.pace"), num: true, cell: (r) => against(r.pace, r.floor, f.percent(r.pace))}
  ], rows), bulletLegend()];
}

// One level down; whoever is clicked is the next page.
function below(data, unit) {
  const children = data.units.children(unit.unit_id);
  if (children.length === 0) return null;
  const grain = children[0].unit_kind === "rep" ? "month" : "quarter";
  const source = grain === "month" ? data.diagnosis_month : data.diagnosis;
  const told = new Map(source.filter((d) => d.product_line === "").map((d) => [d.unit_id, d]));
  const at = new Map(data.attainment.filter((a) => a.grain === grain && a.product_line === "").map((a) => [a.unit_id, a]));
  const rows = children.map((child) => ({...child, a: at.get(child.unit_id), d: told.get(child.unit_id)})).sort((a, b) => (a.a?.pace ?? 9) - (b.a?.pace ?? 9));
  return card(t("unit.below", {count: children.length}), t("unit.below_note", {grain: t(`grain.${grain}`)}), table([
    {head: t("col.unit"), class: "who", cell: (r) => unitLink(data.units, r.unit_id)},
    {head: t("col.result_target"), class: "wide", cell: (r) => (r.a ? bullet(r.a) : "–")},
    {head: t("col.attainment"), key: "attainment", num: true, cell: (r) => h("b", {}, f.percent(r.a?.attainment))},
    {head: t("col.pace"), num: true, cell: (r) => (r.a ? against(r.a.pace, r.a.floor, f.percent(r.a.pace)) : "–")},
    {head: t("col.index"), num: true, cell: (r) => f.fixed(r.d?.density_index, 2)},
    {head: t("col.diagnosis"), class: "diagnosis", cell: (r) => (r.d ? h("span", {title: reason(r.d)}, quadrantBadge(r.d)) : "–")}
  ], rows, {id: "below"}));
}

function adjusted(data, tree) {
  const rows = data.adjustments.filter((a) => tree.has(a.unit_id)).reverse();
  return card(t("page.adjustments"), null, rows.length === 0 ? empty(t("adjustments.none")) : table([
    {head: t("col.when"), cell: (a) => f.time(a.filed_at ?? a.submitted_at)},
    {head: t("col.unit"), class: "who", cell: (a) => unitLink(data.units, a.unit_id, a.unit_name)},
    {head: t("col.from"), num: true, cell: (a) => f.amount(a.old_value)},
    {head: t("col.to"), num: true, cell: (a) => f.amount(a.new_value)},
    {head: t("col.change"), num: true, cell: (a) => f.change(a.change)},
    {head: t("col.how"), cell: (a) => t(`status.${a.status}`)},
    {head: t("col.reason"), class: "text", cell: (a) => a.reason}
  ], rows));
}
