// Reads what the service has of a query: {rows} or {error}.
export async function load(name) {
  try {
    const response = await fetch(`./data/${name}.json`);
    const content = await response.json();
    return content.error ? {rows: [], error: content.error} : content;
  } catch (error) {
    return {rows: [], error: {message: error.message, code: "UNREACHABLE"}};
  }
}

export async function status() {
  const response = await fetch("./data/status.json");
  return response.json();
}

// The units seen, as a tree.
export class Units {
  constructor(rows) {
    this.all = rows;
    this.by = new Map(rows.map((unit) => [unit.unit_id, unit]));
    this.below = new Map();
    for (const unit of rows) {
      const list = this.below.get(unit.parent_id);
      if (list) list.push(unit);
      else this.below.set(unit.parent_id, [unit]);
    }
    // nothing above them is seen
    this.tops = rows.filter((unit) => !this.by.has(unit.parent_id));
  }

  get(id) {
    return this.by.get(id);
  }

  name(id) {
    return this.by.get(id)?.unit_name ?? `#${id}`;
  }

  children(id) {
    return this.below.get(id) ?? [];
  }

  // The unit and all below it.
  tree(id) {
    return [id, ...this.children(id).flatMap((child) => this.tree(child.unit_id))];
  }

  path(id) {
    const unit = this.by.get(id);
    return unit ? [...this.path(unit.parent_id), unit] : [];
  }
}

// The measures and product lines that rows tell of, most rows first.
export function lines(rows) {
  const counted = new Map();
  for (const row of rows) {
    const key = `${row.measure}\u0000${row.product_line}`;
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  return [...counted].sort((a, b) => b[1] - a[1]).map(([key]) => {
    const [measure, product_line] = key.split("\u0000");
    return {key, measure, product_line};
  });
}

export const ofLine = (rows, line) => (line ? rows.filter((row) => row.measure === line.measure && row.product_line === line.product_line) : rows);
