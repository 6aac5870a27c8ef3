// What all pages share: head with navigation and languages, the state of the figures, errors.
import {load, status, Units} from "./data.js";
import {h, empty} from "./dom.js";
import * as f from "./format.js";
import {choose, language, languages, t} from "./language.js";

const NAVIGATION = [
  ["war_room", "./"], ["quadrant", "./quadrant"], ["quarter", "./quarter"], ["deviations", "./deviations"],
  ["adjustments", "./adjustments"], ["coverage", "./coverage"], ["pilot", "./pilot"], ["freshness", "./freshness"]
];
const ASK_EVERY = 3000; // ms

let name, page, shown, state, timer;
const main = () => document.querySelector("#observablehq-main");

export async function show(pageName, pageModule) {
  [name, page] = [pageName, pageModule];
  state = await status().catch((error) => ({ok: false, unreachable: true, error: {message: error.message}, versions: {}}));
  // The service has just started: the figures come in a moment.
  if (!state.unreachable && !state.read_at && state.ok !== true && !state.error) await new Promise((wait) => setTimeout(wait, 700)).then(refreshState);
  shown = await read();
  draw();
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(draw, 150);
  });
  setInterval(() => refreshState().then(drawState), ASK_EVERY);
}

async function refreshState() {
  state = await status().catch((error) => ({...state, ok: false, unreachable: true, error: {message: error.message}}));
}

async function read() {
  const names = ["context", "units", ...page.files];
  const versions = state.versions ?? {};
  const contents = await Promise.all(names.map(load));
  const data = {errors: []};
  names.forEach((file, n) => {
    data[file] = contents[n].rows;
    if (contents[n].error && contents[n].error.code !== "UNREACHABLE") data.errors.push({file, ...contents[n].error});
  });
  data.context = data.context[0];
  data.units = new Units(data.units);
  data.versions = Object.fromEntries(names.map((file) => [file, versions[file]]));
  if (data.context) f.timesIn(data.context.zone);
  return data;
}

function draw() {
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  document.title = `${t(`page.${name}`)} · calib`;
  const body = h("div", {class: "body"}, h("h1", {}, page.title?.(shown) ?? t(`page.${name}`)), h("p", {class: "intro"}, t(`intro.${name}`)));
  main().replaceChildren(head(), h("div", {id: "state"}), body);
  document.querySelector(".head nav [aria-current]")?.scrollIntoView({block: "nearest", inline: "center"});
  drawState();
  body.append(...broken());
  if (!shown.context) {
    body.append(empty(t("state.no_figures")));
    return;
  }
  try {
    body.append(...page.render(shown, inner(body), draw).flat(9).filter(Boolean));
  } catch (error) {
    body.append(h("div", {class: "problem", role: "alert"}, h("strong", {}, t("state.page_failed")), " ", error.message));
    console.error(error);
  }
}

// What a chart in a card may be wide: less the padding of both, and a border.
function inner(body) {
  const style = getComputedStyle(body);
  return body.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - (innerWidth > 640 ? 34 : 26);
}

function head() {
  return h("header", {class: "head"},
    h("a", {class: "brand", href: "./"}, "calib"),
    h("nav", {"aria-label": t("nav.label")}, NAVIGATION.map(([key, href]) => h("a", {href, "aria-current": key === name && "page"}, t(`page.${key}`)))),
    h("div", {class: "languages", role: "group", "aria-label": t("nav.language")},
      languages.map((to) => h("button", {type: "button", lang: to, "aria-pressed": String(to === language()), onclick: () => { choose(to); draw(); }}, to === "en" ? "EN" : "中文"))));
}

// A query that failed, in full: whoever runs this can mend it.
function broken() {
  return shown.errors.filter((error) => error.code !== "NOT_READ" || state.read_at).map((error) =>
    h("div", {class: "problem", role: "alert"}, h("strong", {}, t("state.query_failed", {file: error.file})), " ",
      error.code && h("code", {}, error.code), " ", error.message, error.hint && h("div", {class: "note"}, error.hint)));
}

function drawState() {
  const place = document.querySelector("#state");
  if (!place) return;
  const {context} = shown;
  const changed = state.ok && Object.entries(shown.versions).some(([file, version]) => state.versions?.[file] && state.versions[file] !== version);
  const parts = [];
  if (!state.ok && (state.error || state.unreachable))
    parts.push(h("div", {class: "problem", role: "alert", id: "down"},
      h("strong", {}, t(state.unreachable ? "state.service_down" : "state.database_down")), " ",
      state.error?.code && h("code", {}, state.error.code), " ", state.error && `${state.error.message.replace(/[.。]$/, "")}. `,
      state.read_at && t("state.last_read", {time: f.clock(state.read_at)})));
  else if (!state.read_at) parts.push(h("div", {class: "notice"}, t("state.reading")));
  if (changed || (!context && state.read_at && state.ok))
    parts.push(h("button", {class: "fresh", type: "button", id: "fresh", onclick: async () => { shown = await read(); draw(); }}, t("state.changed")));
  if (context) {
    const tops = shown.units.tops;
    parts.push(h("p", {class: "facts"},
      h("span", {class: `light ${state.ok ? "good" : "bad"}`, "aria-hidden": "true"}),
      h("span", {}, tops.length === 0 ? t("state.no_units") : t("state.scope", {units: tops.slice(0, 3).map((unit) => unit.unit_name).join(", ") + (tops.length > 3 ? " …" : ""), count: shown.units.all.length})),
      h("span", {}, t(context.simulated ? "state.as_of_played" : "state.as_of", {time: f.time(state.clock)})),
      h("span", {}, t("state.login", {login: context.login})),
      state.read_at && h("span", {class: "screen"}, t("state.read", {time: f.clock(state.read_at)}))));
  }
  place.replaceChildren(...parts);
}
