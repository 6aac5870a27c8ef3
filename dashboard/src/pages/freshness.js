// How old the facts are when they arrive, per source.
import {card, empty, h, table} from "../lib/dom.js";
import * as f from "../lib/format.js";
import {t} from "../lib/language.js";

export const files = ["freshness", "war_room"];

export function render(data) {
  const units = {minutes: t("unit.minutes"), hours: t("unit.hours"), days: t("unit.days")};
  const most = Math.max(1, ...data.freshness.map((row) => row.lag_p95 ?? 0));
  const bar = (row) => h("span", {class: "range", "aria-hidden": "true"}, h("i", {style: `width:${(100 * (row.lag_p95 ?? 0)) / most}%`}), h("u", {style: `left:${(100 * (row.lag_p50 ?? 0)) / most}%`}));
  const regions = data.war_room.filter((row) => row.lag_days != null && row.product_line === "");
  return [
    card(t("freshness.sources"), t("freshness.sources_note"), data.freshness.length === 0 ? empty(t("freshness.none")) : table([
      {head: t("col.source"), class: "who", cell: (r) => h("b", {}, r.source)},
      {head: t("col.last_event"), key: "last_event", cell: (r) => (r.last_event ? f.time(r.last_event) : h("span", {class: "below"}, `▾ ${t("freshness.silent")}`))},
      {head: t("col.last_recorded"), cell: (r) => f.time(r.last_recorded)},
      {head: t("col.lag_p50"), key: "p50", num: true, cell: (r) => f.duration(r.lag_p50, units)},
      {head: t("col.lag_p95"), key: "p95", num: true, cell: (r) => f.duration(r.lag_p95, units)},
      {head: t("col.lag_mean"), key: "mean", num: true, cell: (r) => f.duration(r.lag_mean, units)},
      {head: t("freshness.range"), class: "wide", cell: bar}
    ], data.freshness, {id: "sources"})),
    regions.length > 0 && card(t("freshness.regions"), t("freshness.regions_note"), h("div", {class: "chips"}, regions.map((r) =>
      h("div", {class: "chip"}, h("span", {}, data.units.name(r.unit_id)), h("b", {}, t("unit.days_short", {days: f.fixed(r.lag_days)}))))))
  ];
}
