// The front row: company, regions, teams.
import {lines, ofLine} from "../lib/data.js";
import {card, empty, h, table} from "../lib/dom.js";
import * as f from "../lib/format.js";
import {reason, t} from "../lib/language.js";
import {against, bullet, bulletLegend, lineChoice, quadrantBadge, remedy, unitLink} from "../lib/marks.js";

export const files = ["war_room", "attainment", "diagnosis", "budget", "deviations", "response", "nps"];
let line;

export function render(data, width, again) {
  const all = lines(data.attainment.filter((row) => row.grain === "quarter"));
  line = all.find((one) => one.key === line?.key) ?? all[0];
  const quarter = ofLine(data.attainment.filter((row) => row.grain === "quarter"), line);
  if (quarter.length === 0) return [empty(t("war_room.none"))];
  const at = new Map(quarter.map((row) => [row.unit_id, row]));
  const told = new Map(ofLine(data.diagnosis, line).map((row) => [row.unit_id, row]));
  const regions = ofLine(data.war_room, line);
  const {units} = data;
  const choice = lineChoice(all, line, (to) => { line = to; again(); });
  return [
    choice && h("div", {class: "controls"}, choice),
    tiles(data, at),
    regions.length > 0 && card(t("war_room.regions"), t("war_room.regions_note", {currency: data.context.currency}), regionTable(data, regions, at, told), bulletLegend()),
    teams(data, quarter, told, units)
  ];
}

// What the highest unit seen comes to.
function tiles(data, at) {
  const {units, context} = data;
  const top = units.tops.length === 1 ? units.tops[0] : null;
  const row = top && at.get(top.unit_id);
  const budget = data.budget.reduce((sum, b) => ({used: sum.used + b.used, remaining: sum.remaining + b.remaining, pending: sum.pending + b.pending}), {used: 0, remaining: 0, pending: 0});
  const open = data.deviations.filter((d) => d.status === "open");
  const oldest = open.reduce((most, d) => Math.max(most, d.days), 0);
  const tile = (key, value, note, id) => h("div", {class: "tile", "data-key": key}, h("h3", {}, t(`tile.${key}`)), h("strong", {id}, value), h("p", {}, note));
  const response = told(data.response.filter((r) => r.quarter_start === context.quarter_start), units);
  const scores = data.nps.filter((n) => n.unit_id === top?.unit_id);
  const score = scores.at(-1);
  return h("div", {class: "tiles"},
    row && tile("attainment", f.percent(row.attainment), t("tile.of_target", {actual: f.amount(row.actual), target: f.amount(row.target_value), currency: context.currency})),
    row && tile("original", f.percent(row.attainment_original), t("tile.of_original", {target: f.amount(row.original_value)})),
    row && tile("pace", against(row.pace, row.floor, f.percent(row.pace)), t("tile.pace_note", {elapsed: f.percent(row.elapsed_share, 0), floor: f.percent(row.floor, 0)})),
    tile("deviations", f.whole(open.length), open.length ? t("tile.oldest", {days: f.fixed(oldest)}) : t("tile.none_open")),
    tile("adjustments", f.whole(budget.used), t("tile.adjustments_note", {remaining: f.whole(budget.remaining), pending: f.whole(budget.pending)})),
    tile("sri", response ? f.fixed(response.mean_days) : "–", response ? t("tile.sri_note", {acted: response.acted, unit: units.name(response.unit_id)}) : t("tile.sri_none")),
    tile("nps", score ? f.signed(score.nps, 0) : "–", score ? t("tile.nps_note", {quarter: f.quarter(score.quarter_start), answers: score.answers}) : t("tile.nps_none")));
}

// The response of the highest unit that has one.
function told(rows, units) {
  return rows.filter((row) => row.mean_days != null).sort((a, b) => (units.get(a.unit_id)?.level ?? 9) - (units.get(b.unit_id)?.level ?? 9))[0];
}

function regionTable(data, regions, at, told) {
  const {units} = data;
  const open = (id) => {
    const tree = new Set(units.tree(id));
    return data.deviations.filter((d) => d.status === "open" && tree.has(d.unit_id)).length;
  };
  const nps = (id) => data.nps.filter((n) => n.unit_id === id).at(-1);
  return table([
    {head: t("col.region"), class: "who", cell: (r) => [unitLink(units, r.unit_id), h("small", {class: "why"}, told.has(r.unit_id) ? reason(told.get(r.unit_id)) : "")]},
    {head: t("col.result_target"), class: "wide", cell: (r) => [bullet({...r, floor: at.get(r.unit_id)?.floor ?? 1}), h("small", {}, t("col.of", {actual: f.amount(r.actual), target: f.amount(r.target_value)}))]},
    {head: t("col.attainment"), key: "attainment", num: true, hint: t("hint.attainment"), cell: (r) => h("b", {}, f.percent(r.attainment))},
    {head: t("col.original"), key: "attainment_original", num: true, hint: t("hint.original"), cell: (r) => f.percent(r.attainment_original)},
    {head: t("col.pace"), key: "pace", num: true, hint: t("hint.pace"), cell: (r) => against(r.pace, at.get(r.unit_id)?.floor ?? 1, f.percent(r.pace))},
    {head: t("col.diagnosis"), class: "diagnosis", cell: (r) => [quadrantBadge(r), h("br"), remedy(r)]},
    {head: t("col.adjustments"), key: "adjustments", num: true, hint: t("hint.adjustments"), cell: (r) => [h("b", {}, f.whole(r.adjustments_used)), ` / ${f.whole(r.adjustments_remaining)}`]},
    {head: t("col.open"), key: "open", num: true, cell: (r) => f.whole(open(r.unit_id))},
    {head: t("col.sri"), key: "sri", num: true, hint: t("hint.sri"), cell: (r) => f.fixed(r.sri_days)},
    {head: t("col.nps"), key: "nps", num: true, hint: t("hint.nps"), cell: (r) => (nps(r.unit_id) ? f.signed(nps(r.unit_id).nps, 0) : "–")},
    {head: t("col.lag"), key: "lag", num: true, hint: t("hint.lag"), cell: (r) => f.fixed(r.lag_days)}
  ], regions, {id: "regions"});
}

// Every other unit with a target for the quarter, by what stands above it.
function teams(data, quarter, told, units) {
  const budget = new Map(data.budget.map((b) => [b.unit_id, b]));
  const rows = quarter.filter((row) => units.get(row.unit_id)?.unit_kind === "team");
  if (rows.length === 0) return card(t("war_room.teams"), null, empty(t("war_room.no_teams")));
  const groups = group(rows, (row) => units.get(row.unit_id).parent_id);
  return card(t("war_room.teams"), t("war_room.teams_note"), h("div", {class: "columns"},
    [...groups].map(([parent, members]) => h("div", {class: "group"}, h("h3", {}, units.get(parent) ? unitLink(units, parent) : t("war_room.elsewhere")),
      table([
        {head: t("col.team"), class: "who", cell: (r) => unitLink(units, r.unit_id)},
        {head: t("col.result"), class: "wide", cell: (r) => bullet(r)},
        {head: t("col.attainment_short"), key: "attainment", num: true, hint: t("hint.attainment"), cell: (r) => h("b", {}, f.percent(r.attainment))},
        {head: t("col.original_short"), key: "attainment_original", num: true, hint: t("hint.original"), cell: (r) => f.percent(r.attainment_original)},
        {head: t("col.pace"), key: "pace", num: true, hint: t("hint.pace"), cell: (r) => against(r.pace, r.floor, f.percent(r.pace))},
        {head: t("col.diagnosis"), class: "diagnosis", cell: (r) => (told.has(r.unit_id) ? h("span", {title: reason(told.get(r.unit_id))}, quadrantBadge(told.get(r.unit_id), true)) : "–")},
        {head: t("col.adjustments_short"), key: "adjustments", num: true, hint: t("hint.adjustments"), cell: (r) => (budget.has(r.unit_id) ? [h("b", {}, f.whole(budget.get(r.unit_id).used)), ` / ${f.whole(budget.get(r.unit_id).remaining)}`] : "–")}
      ], members)))));
}

function group(rows, key) {
  const groups = new Map();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return groups;
}
