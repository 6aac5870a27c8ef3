// Numbers and times for people, in the language shown and the organisation's time.
import {language} from "./language.js";

const NONE = "–";
const locale = () => (language() === "zh" ? "zh-CN" : "en-GB");
const numbers = () => (language() === "zh" ? "zh-CN" : "en");
let zone = "UTC";

export function timesIn(name) {
  zone = name;
}

function number(value, options) {
  return value == null ? NONE : new Intl.NumberFormat(numbers(), options).format(value).replace("-", "\u2212");
}

export const percent = (value, digits = 1) =>
  value == null ? NONE : `${number(value * 100, {minimumFractionDigits: digits, maximumFractionDigits: digits})}%`;
export const points = (value) => (value == null ? NONE : number(value * 100, {minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero"}));
export const change = (value) => (value == null ? NONE : `${points(value)}%`);
export const fixed = (value, digits = 1) => number(value, {minimumFractionDigits: digits, maximumFractionDigits: digits});
export const signed = (value, digits = 1) => number(value, {minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "exceptZero"});
export const whole = (value) => number(value, {maximumFractionDigits: 0});
// 15.3M, 1530万
export const amount = (value) => number(value, {notation: "compact", maximumSignificantDigits: 4});

const day = (value, options) => new Intl.DateTimeFormat(locale(), {timeZone: "UTC", ...options}).format(new Date(value));
export const date = (value) => (value == null ? NONE : day(value, {day: "numeric", month: "short", year: "numeric"}));
export const shortDate = (value) => (value == null ? NONE : day(value, {day: "numeric", month: "short"}));
export const month = (value) => (value == null ? NONE : day(value, {month: "short", year: "numeric"}));
export const quarter = (value) => {
  const at = new Date(value);
  if (at.getUTCMonth() % 3 === 0) return `${at.getUTCFullYear()} Q${at.getUTCMonth() / 3 + 1}`;
  // of a fiscal year that begins in another month: its months
  return `${day(value, {month: "short"})}\u2013${month(at.setUTCMonth(at.getUTCMonth() + 2))}`;
};
// What a row's period_start begins.
const PERIOD = {quarter, month, year: (value) => value.slice(0, 4)};
export const period = (row) => (PERIOD[row.grain] ?? date)(row.period_start);

const moment = (value, options) => new Intl.DateTimeFormat(locale(), {timeZone: zone, ...options}).format(new Date(value));
export const time = (value) => (value == null ? NONE : moment(value, {day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23"}));
export const shortTime = (value) => (value == null ? NONE : moment(value, {day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23"}));
export const clock = (value) => (value == null ? NONE : new Intl.DateTimeFormat(locale(), {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"}).format(new Date(value)));
export const dayOf = (value) => moment(value, {day: "numeric", month: "short"});

// 39 min, 5.2 h, 2.1 d: hours in the unit that reads best
export function duration(hours, units) {
  if (hours == null) return NONE;
  if (hours < 2) return `${fixed(hours * 60, hours * 60 < 10 ? 1 : 0)} ${units.minutes}`;
  if (hours < 48) return `${fixed(hours)} ${units.hours}`;
  return `${fixed(hours / 24)} ${units.days}`;
}
