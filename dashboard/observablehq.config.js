// Everything is served from here: no fonts, scripts or styles of anybody else's.
export default {
  title: "calib",
  root: "src",
  output: "dist",
  style: "style.css",
  globalStylesheets: [],
  sidebar: false,
  toc: false,
  pager: false,
  search: false,
  header: "",
  footer: "",
  head: '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">',
  pages: [
    {name: "War room", path: "/index"},
    {name: "Quadrants", path: "/quadrant"},
    {name: "Target and result", path: "/quarter"},
    {name: "Deviations", path: "/deviations"},
    {name: "Adjustments", path: "/adjustments"},
    {name: "Coverage", path: "/coverage"},
    {name: "Pilot", path: "/pilot"},
    {name: "Freshness", path: "/freshness"},
    {name: "Unit", path: "/unit"}
  ]
};
