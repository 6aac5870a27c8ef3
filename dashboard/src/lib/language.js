import {en} from "../lang/en.js";
import {zh} from "../lang/zh.js";

const dictionaries = {en, zh};
export const languages = Object.keys(dictionaries);

// The one in the address, else the one chosen before, else the browser's.
function first() {
  const asked = new URL(location.href).searchParams.get("lang");
  const chosen = asked ?? remembered() ?? (navigator.language ?? "en").slice(0, 2);
  return languages.includes(chosen) ? chosen : "en";
}

function remembered() {
  try {
    return localStorage.getItem("calib-language");
  } catch {
    return null;
  }
}

let current = first();

export const language = () => current;

export function choose(to) {
  current = to;
  try {
    localStorage.setItem("calib-language", to);
  } catch {
    // it is chosen for this page then
  }
}

// The text of a key, with {names} filled in; a code that has none stands for itself.
export function t(key, values = {}) {
  const text = dictionaries[current][key] ?? key.split(".").pop();
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

// calib's own sentence in the language shown.
export const reason = (row) => row[`reason_${current}`] ?? "";
