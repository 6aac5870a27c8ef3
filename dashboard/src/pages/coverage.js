// Visits that get nowhere, and people who miss although they work: from region to rep.
import {card, empty, h, table} from "../lib/dom.js";
import * as f from "../lib/format.js";
import {t} from "../lib/language.js";
import {unitLink} from "../lib/marks.js";

export const files = ["shallow", "missed"];

export function render(data) {
  const {units} = data;
  const shallow = data.shallow.filter((row) => units.get(row.unit_id));
  const missed = data.missed.filter((row) => units.get(row.unit_id)?.unit_kind === "rep");
  const others = data.missed.filter((row) => units.get(row.unit_id) && units.get(row.unit_id).unit_kind !== "rep");
  return [
    card(t("coverage.shallow"), t("coverage.shallow_note"), shallow.length === 0 ? empty(t("coverage.no_shallow")) : [
      h("p", {class: "figure"}, h("b", {}, shallow.filter((row) => row.flagged).length), ` ${t("coverage.flagged")}`),
      drill(units, shallow, {
        id: "shallow", count: (rows) => t("coverage.shallow_count", {flagged: rows.filter((row) => row.flagged).length, reps: rows.length}), flagged: (rows) => rows.some((row) => row.flagged),
        list: (rows) => table([
          {head: t("col.rep"), class: "who", cell: (r) => unitLink(units, r.unit_id)},
          {head: t("col.visited"), key: "visited", num: true, cell: (r) => f.whole(r.visited)},
          {head: t("col.stuck"), key: "stuck", num: true, cell: (r) => f.whole(r.stuck)},
          {head: t("col.share"), key: "share", num: true, cell: (r) => f.percent(r.share, 0)},
          {head: t("col.verdict"), cell: (r) => (r.flagged ? h("span", {class: "badge strong", style: "--tone:#d55e00"}, `▲ ${t("coverage.shallow_word")}`) : t("coverage.fine"))}
        ], rows)
      })]),
    card(t("coverage.missed"), t("coverage.missed_note"), missed.length === 0 && others.length === 0 ? empty(t("coverage.no_missed")) : [
      h("p", {class: "figure"}, h("b", {}, new Set(missed.map((row) => row.unit_id)).size), ` ${t("coverage.missed_reps")}`),
      missed.length > 0 && drill(units, missed, {
        id: "missed", count: (rows) => t("coverage.missed_count", {reps: new Set(rows.map((row) => row.unit_id)).size, months: rows.length}), flagged: () => false,
        list: (rows) => missedTable(units, rows)
      }),
      others.length > 0 && h("details", {class: "drill"}, h("summary", {}, t("coverage.above", {count: others.length})), missedTable(units, others))])
  ];
}

function missedTable(units, rows) {
  return table([
    {head: t("col.unit"), class: "who", cell: (r) => unitLink(units, r.unit_id)},
    {head: t("col.month"), cell: (r) => f.month(r.period_start)},
    {head: t("col.attainment"), key: "attainment", num: true, cell: (r) => h("b", {}, f.percent(r.attainment))},
    {head: t("col.original"), key: "original", num: true, cell: (r) => f.percent(r.attainment_original)},
    {head: t("col.index"), key: "index", num: true, hint: t("hint.index"), cell: (r) => f.fixed(r.density_index, 2)},
    {head: t("col.result"), num: true, cell: (r) => t("col.of", {actual: f.amount(r.actual), target: f.amount(r.target_value)})}
  ], [...rows].sort((a, b) => a.attainment - b.attainment));
}

// What lies below the highest units seen, level by level, down to the rows of the reps.
function drill(units, rows, view) {
  const of = (ids) => rows.filter((row) => ids.has(row.unit_id));
  const branch = (unit, depth) => {
    const mine = of(new Set(units.tree(unit.unit_id)));
    if (mine.length === 0) return null;
    const below = units.children(unit.unit_id).filter((child) => child.unit_kind !== "rep");
    const direct = mine.filter((row) => row.unit_id === unit.unit_id || units.get(row.unit_id)?.parent_id === unit.unit_id);
    return h("details", {class: "drill", open: depth < 2, "data-unit": unit.unit_id},
      h("summary", {class: view.flagged(mine) ? "flagged" : null}, h("b", {}, unit.unit_name), h("span", {}, view.count(mine))),
      h("div", {class: "inside"}, below.map((child) => branch(child, depth + 1)), direct.length > 0 && view.list(direct)));
  };
  return h("div", {id: view.id}, units.tops.map((unit) => branch(unit, 0)));
}
