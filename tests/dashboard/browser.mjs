// The dashboard as its users meet it. Every figure is compared with what psql says of the
// view at that moment. Prints `ok` and `not ok` lines, and `N passed, N failed` at the end.
import {spawn, spawnSync} from "node:child_process";
import {readFileSync, readdirSync} from "node:fs";
import {request} from "node:http";
import {createRequire} from "node:module";
import {networkInterfaces} from "node:os";
import {join} from "node:path";

const root = process.argv[2];
const dashboard = join(root, "dashboard");
const {chromium} = createRequire(join(dashboard, "package.json"))("playwright-core");
const {en} = await import(join(dashboard, "src/lang/en.js"));
const {zh} = await import(join(dashboard, "src/lang/zh.js"));
const PAGES = ["", "quadrant", "quarter", "deviations", "adjustments", "coverage", "pilot", "freshness", "unit?u=13"];
const key = (page) => (page === "" ? "war_room" : page.split("?")[0]);

let passed = 0, failed = 0;
function ok(good, name, ...saw) {
  good ? passed++ : failed++;
  console.log(`${good ? "ok" : "not ok"} ${passed + failed} - ${name}`);
  if (!good) for (const one of saw) console.log(`#   ${typeof one === "string" ? one : JSON.stringify(one)}`);
}
const same = (got, wanted, name) => ok(JSON.stringify(got) === JSON.stringify(wanted), name, {got}, {wanted});

function psql(sql, {user = "dashboard", database = "calib"} = {}) {
  const run = spawnSync("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", database, "-c", sql], {encoding: "utf8"});
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout.trim().split("\n").filter((line) => line !== "");
}
const admin = (sql) => psql(sql, {user: "postgres"});

// A service of its own per viewer; at any free port.
const services = [];
process.on("exit", () => services.forEach(end));
function service(user, database = "calib") {
  const child = spawn(process.execPath, ["serve.js"], {cwd: dashboard, env: {...process.env, PGUSER: user, PGDATABASE: database, PORT: "0"}});
  services.push(child);
  child.stderr.on("data", (text) => process.stdout.write(`# ${text}`));
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the service ended with ${code}`)));
    child.stdout.once("data", (text) => resolve({child, base: /http:\S+/.exec(text)[0]}));
  });
}
function end(child) {
  child.removeAllListeners("exit");
  child.kill();
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const json = async (base, name) => (await fetch(`${base}data/${name}.json`)).json();
async function until(what, ms = 20000) {
  const began = Date.now();
  for (;;) {
    const got = await Promise.resolve(what()).catch(() => false);
    if (got) return Date.now() - began;
    if (Date.now() - began > ms) return null;
    await sleep(100);
  }
}
const ALL = (await import(join(dashboard, "server/queries.js"))).queries;
const read = ({base}) => until(async () => Object.keys((await json(base, "status")).versions).length === Object.keys(ALL).length, 60000);

// The texts -----------------------------------------------------------------------------

same(Object.keys(zh).sort(), Object.keys(en).sort(), "both dictionaries have the same keys");
const holes = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join();
same(Object.keys(en).filter((k) => holes(en[k]) !== holes(zh[k] ?? "")), [], "and the same places to fill in");
same(Object.keys(zh).filter((k) => !/[\u4e00-\u9fff]/.test(zh[k]) && !["col.of", "col.nps", "tile.of_target", "unit.days_short"].includes(k)), [], "the Chinese one is in Chinese");
const source = ["lib", "pages"].flatMap((folder) => readdirSync(join(dashboard, "src", folder)).map((file) => readFileSync(join(dashboard, "src", folder, file), "utf8"))).join("\n");
same([...source.matchAll(/\bt\("([\w.]+)"/g)].map((m) => m[1]).filter((k) => !(k in en)), [], "every text used is in them");
const asked = Object.values(ALL).map((query) => query.sql).join("\n");
ok(!/calib\.(activity|customer|result|opportunity)\b/.test(asked), "no query reads raw facts");

const began = Date.now();
const part = (name) => console.log(`# ${((Date.now() - began) / 1000).toFixed(1)} s: ${name}`);

// A browser and three viewers -------------------------------------------------------------

const browser = await chromium.launch({executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"]});
const [all, east, nobody, bare] = await Promise.all([service("dashboard"), service("dashboard_east"), service("dashboard_nobody"), service("dashboard_bare", "bare")]);
for (const one of [all, east, nobody, bare]) ok((await read(one)) != null, "a service reads all its figures");

// Opens a page and notes all that went wrong in it.
async function open({base}, path, {lang = "en", width = 1280} = {}) {
  const page = await browser.newPage({viewport: {width, height: 860}});
  page.wrong = [];
  page.on("console", (message) => message.type() === "error" && page.wrong.push(message.text()));
  page.on("pageerror", (error) => page.wrong.push(error.message));
  page.on("request", (asked) => !asked.url().startsWith(base) && !asked.url().startsWith("data:") && page.wrong.push(`asks ${asked.url()}`));
  page.on("response", (answer) => answer.status() >= 400 && page.wrong.push(`${answer.status()} ${answer.url()}`));
  await go(page, base, path, lang);
  return page;
}
async function go(page, base, path, lang) {
  page.wrong.length = 0;
  await page.goto(`${base}${path}${path.includes("?") ? "&" : "?"}lang=${lang}`);
  await page.waitForSelector(".body .card, .body .empty");
}
const text = (page, selector) => page.locator(selector).allInnerTexts().then((list) => list.map((one) => one.replace(/\s+/g, " ").trim()));
const cells = (page, table, name) => text(page, `${table} td[data-key="${name}"]`);
const number = (one) => one.replace("\u2212", "-").replace(/^[▾▴] /, "");
const shoot = (page, name) => page.screenshot({path: join(root, ".run/screenshots", `${name}.png`), fullPage: true});

let page = await open(all, "");
for (const lang of ["en", "zh"])
  for (const path of PAGES) {
    await go(page, all.base, path, lang);
    const title = (lang === "en" ? en : zh)[`page.${key(path)}`];
    const h1 = (await text(page, "h1"))[0];
    const problems = [...page.wrong, ...(await text(page, ".problem"))];
    ok(problems.length === 0 && (h1 === title || path.startsWith("unit")), `${key(path)} in ${lang}: without an error`, ...problems, h1);
    const shown = (await page.locator("body").innerText()).match(/\b(page|col|tile|hint|state|quadrant|kind|ending|status|unit)\.\w+/g);
    ok(shown === null && (await page.locator("html").getAttribute("lang")).startsWith(lang), `${key(path)} in ${lang}: every text has words`, shown);
    await shoot(page, `${key(path)}-${lang}`);
  }
await page.close();

// Figures: what the page shows is what the view says ---------------------------------------

part("figures: what");
page = await open(all, "");
const regions = psql(`
    SELECT round(attainment * 100, 1) || '%', round(attainment_original * 100, 1) || '%', round(pace * 100, 1) || '%', adjustments_used || ' / ' || adjustments_remaining,
           round(lag_days, 1), coalesce(round(sri_days::numeric, 1)::text, '–'),
           (SELECT count(*) FROM calib.deviation_trail d JOIN calib.unit_label u USING (unit_id) WHERE d.status = 'open' AND u.region = w.region),
           coalesce((SELECT CASE WHEN nps > 0 THEN '+' ELSE '' END || round(nps) FROM calib.nps_quarterly n WHERE n.unit_id = w.unit_id AND NOT hidden ORDER BY quarter_start DESC LIMIT 1), '–'),
           reason
    FROM calib.war_room w ORDER BY unit_id`).map((line) => line.split("|"));
const ofRegions = (n) => regions.map((row) => row[n]);
same(await cells(page, "#regions", "attainment"), ofRegions(0), "regions: attainment of today's target");
same(await cells(page, "#regions", "attainment_original"), ofRegions(1), "regions: attainment of the original");
same((await cells(page, "#regions", "pace")).map(number), ofRegions(2), "regions: pace");
same(await cells(page, "#regions", "adjustments"), ofRegions(3), "regions: adjustments used and left");
same(await cells(page, "#regions", "lag"), ofRegions(4), "regions: lag");
same(await cells(page, "#regions", "sri"), ofRegions(5), "regions: SRI");
same(await cells(page, "#regions", "open"), ofRegions(6), "regions: open deviations");
same(await cells(page, "#regions", "nps"), ofRegions(7), "regions: NPS");
same((await text(page, "#regions small.why")), ofRegions(8), "regions: the reason, in English");
same(await cells(page, ".columns", "attainment"), psql(`SELECT round(attainment * 100, 1) || '%' FROM calib.attainment JOIN calib.unit_label u USING (unit_id, unit_kind) WHERE unit_kind = 'team' AND grain = 'quarter' AND period_start = '2025-10-01' AND product_line = '' ORDER BY u.parent_id, unit_id`), "teams: attainment");
same(await text(page, '.tile[data-key="attainment"] strong'), psql(`SELECT round(attainment * 100, 1) || '%' FROM calib.attainment WHERE unit_id = 1 AND grain = 'quarter' AND period_start = '2025-10-01'`), "the company's attainment");
ok((await page.locator("#regions svg.bullet .floor").count()) === 4 && (await page.locator('tr[data-unit="13"] svg.bullet .original').count()) === 1, "the floor is drawn, and the original target where it differs");
// the language is chosen on the page, and kept on the next
await page.click(".languages >> text=中文");
same(await text(page, "h1"), [zh["page.war_room"]], "one click, and the page is in Chinese");
same(await text(page, "#regions small.why"), psql("SET calib.language = 'zh'; SELECT reason FROM calib.war_room ORDER BY unit_id"), "calib's own reasons, too");
await page.goto(`${all.base}deviations`);
await page.waitForSelector(".card");
same(await text(page, "h1"), [zh["page.deviations"]], "the next page keeps the language");
await page.close();

page = await open(all, "quadrant");
const counted = psql("SELECT q, count(d) FROM unnest('{environment,on_track,execution,windfall}'::text[]) q LEFT JOIN calib.diagnosis d ON d.quadrant = q GROUP BY q");
same((await Promise.all(counted.map((line) => text(page, `.count[data-quadrant="${line.split("|")[0]}"] b`)))).flat(), counted.map((line) => line.split("|")[1]), "quadrants: how many units are in each");
ok((await page.locator("#quadrant-chart .dots > *").count()) === Number(psql("SELECT count(*) FROM calib.diagnosis WHERE pace IS NOT NULL AND density_index IS NOT NULL")[0]), "one dot per unit");
same(await text(page, "#calls td.text"), psql("SELECT reason FROM calib.diagnosis WHERE signal = 'strong' ORDER BY unit_id"), "calls to act, with their reasons");
// pointing at the dots finds a reason
const chart = await page.locator("#quadrant-chart svg").first().boundingBox();
const dot = await page.locator("#quadrant-chart .dots > *").last().boundingBox();
await page.mouse.move(dot.x + dot.width / 2, dot.y + dot.height / 2);
const tip = await until(async () => /Remedy/.test(await page.locator('#quadrant-chart [aria-label="tip"]').textContent()), 3000);
ok(tip != null && chart.width > 600, "pointing at a dot tells remedy and reason", await page.locator('#quadrant-chart [aria-label="tip"]').textContent());
await page.close();

page = await open(all, "deviations");
same((await cells(page, "#open", "age")).map((one) => one.replace(" late", "")), psql("SELECT round(days::numeric, 1) FROM calib.deviation_trail WHERE status = 'open' ORDER BY days DESC, deviation_id DESC"), "deviations: age of the open ones");
ok((await page.locator("#timeline [aria-label=bar] rect").count()) === Number(psql("SELECT count(*) FROM calib.deviation_trail")[0]), "one bar per deviation");
await page.close();

page = await open(all, "adjustments");
same((await page.locator("#trail > li").count()), Number(psql("SELECT (SELECT count(*) FROM calib.adjustment_trail) + (SELECT count(*) FROM calib.request_trail)")[0]), "the trail is whole");
ok((await text(page, "#trail .why")).includes("Price cut <b>and</b> full shelves"), "what people wrote is text, never markup");
ok((await text(page, "#trail .delta")).map(number).includes("-10.0%"), "the change is of the original target");
await page.close();

page = await open(all, "quarter?u=13");
ok((await page.locator("#steps [aria-label=dot] circle").count()) === 2 && /15\.3M/.test((await text(page, "h2 + .note"))[0]), "two steps, down to today's target", await text(page, "h2 + .note"));
await page.close();

page = await open(all, "pilot");
same((await text(page, '[data-outcome="attainment_original"] [data-key="effect"]')).map(number), psql("SELECT '+' || round(effect::numeric * 100, 1) FROM calib.pilot_effect WHERE outcome = 'attainment_original'"), "pilot: effect");
same((await text(page, '[data-outcome="attainment_original"] [data-key="interval"]')).map(number), psql("SELECT format('95%% interval +%s to +%s', round(ci_low::numeric * 100, 1), round(ci_high::numeric * 100, 1)) FROM calib.pilot_effect WHERE outcome = 'attainment_original'"), "pilot: interval");
same(await text(page, ".sentence"), psql("SELECT sentence FROM calib.pilot_effect ORDER BY outcome"), "pilot: calib's own sentences");
await page.close();

page = await open(all, "freshness");
same(await text(page, "#sources td.who"), psql("SELECT source FROM calib.freshness ORDER BY source"), "freshness: every source");
await page.close();

// Drill-down, level by level ---------------------------------------------------------------

part("drill-down");
page = await open(all, "coverage");
same(await text(page, "#shallow + *, .card:first-of-type .figure b"), psql("SELECT count(*) FROM calib.shallow_coverage WHERE flagged"), "coverage: how many are shallow");
const fujian = page.locator('#shallow details[data-unit="15"]');
ok(!(await fujian.locator("table").isVisible()), "a team is closed at first");
await fujian.locator("summary").click();
same(await fujian.locator('td[data-key="stuck"]').allInnerTexts(), psql("SELECT stuck FROM calib.shallow_coverage s JOIN calib.unit_label u USING (unit_id) WHERE u.parent_id = 15"), "opened, it shows its reps");
await fujian.locator("a.unit").first().click();
await page.waitForURL(/unit\?u=1505/);
await page.waitForSelector(".card");
same(await text(page, "h1"), ["Fujian 5"], "and a rep's name leads to the rep");
await page.goto(`${all.base}?lang=en`);
await page.locator("#regions a.unit").first().click();
await page.waitForSelector("#below");
same(await text(page, "#below td.who"), psql("SELECT unit_name FROM calib.attainment WHERE grain = 'quarter' AND period_start = '2025-10-01' AND parent_id = 10 ORDER BY pace, unit_id"), "a region leads to its teams, the slowest first");
await page.locator('#below tr[data-unit="13"] a.unit').click();
await page.waitForURL(/u=13/);
await page.waitForSelector("#below");
same((await text(page, "#below td.who")).length, 8, "a team to its reps");
same(await cells(page, "#below", "attainment"), psql("SELECT round(attainment * 100, 1) || '%' FROM calib.attainment WHERE grain = 'month' AND period_start = '2025-12-01' AND parent_id = 13 ORDER BY pace, unit_id"), "with their months");
await page.close();

// One region's viewer -------------------------------------------------------------------------

part("one region");
page = await open(east, "");
same(await text(page, "#regions a.unit"), ["East China"], "who sees one region sees one region");
const others = /North China|South China|West China|Beijing|Hebei|Shandong|Guangdong|Sichuan|Qingquan/;
for (const path of PAGES) {
  await page.goto(`${east.base}${path}`);
  await page.waitForSelector(".body .card, .body .empty");
  const found = others.exec(await page.locator("body").innerText());
  ok(!found, `${key(path)}: nothing of the other regions`, found?.[0]);
}
for (const name of Object.keys(ALL)) {
  const rows = (await json(east.base, name)).rows ?? [];
  const outside = rows.filter((row) => row.unit_id != null && !/^1[0-6]?(\d\d)?$/.test(String(row.unit_id)) || row.unit_id === 1);
  if (outside.length > 0 || others.test(JSON.stringify(rows))) ok(false, `${name}.json holds nothing of them either`, outside[0]);
}
same((await json(east.base, "units")).rows.length, Number(psql("SELECT count(*) FROM calib.unit_label", {user: "dashboard_east"})[0]), "nor do the files behind the pages");
await page.close();

page = await open(nobody, "");
ok((await text(page, "#state")).join().includes(en["state.no_units"]), "who holds no duty is told so");
await page.close();

// Nothing there yet, and a phone -----------------------------------------------------------------

part("nothing there");
page = await open(bare, "");
for (const path of PAGES) {
  await go(page, bare.base, path, "en");
  const problems = [...page.wrong, ...(await text(page, ".problem"))];
  ok(problems.length === 0 && (await page.locator(".empty").count()) > 0, `${key(path)} of an empty database says that it is empty`, ...problems);
}
await page.close();
page = await open(all, "", {width: 360});
for (const lang of ["en", "zh"])
  for (const path of PAGES) {
    await go(page, all.base, path, lang);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    ok(wide <= 0, `${key(path)} in ${lang} fits a phone`, `${wide} too wide`);
    if (lang === "en") await shoot(page, `${key(path)}-phone`);
  }
await page.close();
page = await open(all, "");
await page.emulateMedia({media: "print"});
ok(!(await page.locator(".head nav").isVisible()) && (await page.locator("#regions").isVisible()), "on paper there are figures and no buttons");
await page.close();

// A committed change ----------------------------------------------------------------------------

part("a committed");
const sichuan = () => psql("SELECT round(attainment * 100, 1) || '%' FROM calib.attainment WHERE unit_id = 41 AND grain = 'quarter' AND period_start = '2025-10-01'")[0];
page = await open(all, "");
for (const one of [nobody, bare]) end(one.child);
const before = (await json(all.base, "status")).versions;
const shownBefore = (await cells(page, 'tr[data-unit="41"]', "attainment"))[0];
same(shownBefore, sichuan(), "Sichuan before");
admin("INSERT INTO crm.payment VALUES ('big one', 'E4101', 'S410101', '', '2025-12-09 10:00+08', 1500000, '2025-12-09 10:05+08')");
const committed = Date.now(), wanted = sichuan();
const slow = Date.now() - committed; // one figure by psql: a tenth of a second on a machine that does nothing else
const allowed = 5000 + 15 * Math.max(0, slow - 300);
ok(wanted !== shownBefore, "a payment moves it");
const took = await until(async () => {
  await page.reload();
  await page.waitForSelector("#regions");
  return (await cells(page, 'tr[data-unit="41"]', "attainment"))[0] === wanted;
}, 15000);
const fresh = Date.now() - committed;
ok(took != null && fresh < allowed, `a reload shows it within five seconds (${(fresh / 1000).toFixed(1)} s${allowed > 5000 ? `, of ${(allowed / 1000).toFixed(1)} allowed to a busy machine` : ""})`);
await until(async () => (await json(all.base, "status")).versions.series !== before.series);
const after = (await json(all.base, "status")).versions;
ok(after.war_room !== before.war_room && after.attainment !== before.attainment, "the files it is in are new");
same(["units", "adjustments", "requests", "nps", "deviations"].filter((name) => after[name] !== before[name]), [], "the others are as they were");
// an open page is told
admin("INSERT INTO crm.payment VALUES ('another', 'E4102', 'S410201', '', '2025-12-09 10:00+08', 1500000, '2025-12-09 10:05+08')");
ok((await until(async () => page.locator("#fresh").isVisible(), 2 * allowed)) != null, "an open page offers new figures");
await page.click("#fresh");
ok((await until(async () => (await cells(page, 'tr[data-unit="41"]', "attainment"))[0] === sichuan(), 3000)) != null, "and shows them without a reload");
ok(page.wrong.length === 0, "all without an error", ...page.wrong);

// What goes wrong is said --------------------------------------------------------------------------

part("what goes wrong");
const database = (to) => spawnSync(join(root, "scripts/test_dashboard.sh"), [to], {stdio: "inherit"});
database("down");
ok((await until(async () => (await text(page, "#down")).join().includes(en["state.database_down"]), 15000)) != null, "the database is down: the page says so");
same((await cells(page, 'tr[data-unit="41"]', "attainment")).length, 1, "and keeps the figures it had");
await page.reload();
await page.waitForSelector("#regions");
ok((await page.locator("#down").isVisible()) && (await cells(page, "#regions", "attainment")).length === 4, "after a reload, too");
await shoot(page, "database-down");
database("up");
ok((await until(async () => !(await page.locator("#down").isVisible()), 20000)) != null, "it is up again: so is the page");
admin("ALTER VIEW calib.freshness RENAME TO gone");
const broken = await open(all, "freshness");
ok((await until(async () => { await broken.reload(); await broken.waitForSelector("h1"); return (await text(broken, ".problem")).join().includes("42P01"); }, 15000)) != null, "a query that fails is shown with its SQLSTATE");
await broken.close();
page.wrong.length = 0;
end(all.child);
ok((await until(async () => (await text(page, "#down")).join().includes(en["state.service_down"]), 10000)) != null, "the service is gone: the page says so");
await page.close();

// On loopback, for this machine alone ------------------------------------------------------------

part("on loopback");
const {hostname, port} = new URL(east.base);
const raw = (path, options = {}) => new Promise((resolve) => {
  const asked = request({hostname, port, path, ...options}, (answer) => resolve(answer.resume().statusCode));
  asked.on("error", () => resolve("refused"));
  asked.end();
});
same(await raw("/data/war_room.json", {headers: {host: "evil.example"}}), 421, "a name that is not this machine's is refused");
same(await raw("/../server/queries.js"), 404, "nothing outside the pages is served");
same(await raw("/%2e%2e/package.json"), 404, "by no spelling");
same(await raw("/data/war_room.json", {method: "POST"}), 405, "nor is anything taken");
const outside = Object.values(networkInterfaces()).flat().find((address) => address.family === "IPv4" && !address.internal);
if (outside) same(await raw("/", {hostname: outside.address}), "refused", "it does not listen outside loopback");

await browser.close();
services.forEach(end);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
