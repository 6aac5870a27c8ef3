// Builds the pages into dist/, without a network: Observable Framework would ask a registry for
// the newest version of each library that a page might use without importing it. No page here
// does, so each is told to be there in a version that is never loaded.
import {spawnSync} from "node:child_process";
import {mkdirSync} from "node:fs";
import {fileURLToPath} from "node:url";

const UNUSED = [
  "@duckdb/duckdb-wasm", "@observablehq/inputs", "@observablehq/plot", "@observablehq/sample-datasets", "apache-arrow", "arquero", "d3", "d3-dsv",
  "echarts", "htl", "leaflet", "lodash", "mapbox-gl", "parquet-wasm", "react", "react-dom", "topojson-client"
];
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

for (const name of UNUSED) mkdirSync(here(`src/.observablehq/cache/_npm/${name}@0.0.0`), {recursive: true});
const built = spawnSync(process.execPath, [here("node_modules/@observablehq/framework/dist/bin/observable.js"), "build"], {
  cwd: here("."),
  env: {...process.env, OBSERVABLE_TELEMETRY_DISABLE: "true"},
  encoding: "utf8"
});
if (built.status !== 0) {
  process.stderr.write(built.stdout + built.stderr);
  process.exit(1);
}
