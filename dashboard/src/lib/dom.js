// h("td", {class: "num"}, "12"): an element with attributes, listeners (onclick) and children.
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  put(element, attributes);
  element.append(...children.flat(9).filter((child) => child != null && child !== false));
  return element;
}

// The same for SVG.
export function s(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  put(element, attributes);
  element.append(...children.flat(9).filter((child) => child != null && child !== false));
  return element;
}

function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
}

// A table. columns: [{head, cell: row => node, num, label}]; on a phone each row is a card
// whose figures carry their column's name.
export function table(columns, rows, {rowClass, caption, id} = {}) {
  return h("div", {class: "scroll"},
    h("table", {id},
      caption && h("caption", {}, caption),
      h("thead", {}, h("tr", {}, columns.map((c) => h("th", {class: c.num && "num", scope: "col", title: c.hint}, c.head)))),
      h("tbody", {}, rows.map((row) =>
        h("tr", {class: rowClass?.(row), "data-unit": row.unit_id},
          columns.map((c) => h("td", {class: [c.num && "num", c.class].filter(Boolean).join(" ") || null, "data-label": c.head, "data-key": c.key}, c.cell(row))))))));
}

export function card(title, note, ...children) {
  return h("section", {class: "card"}, title && h("h2", {}, title), note && h("p", {class: "note"}, note), children);
}

export const empty = (text) => h("p", {class: "empty"}, text);
