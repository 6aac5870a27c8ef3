// Keeps what the pages show: reads the queries as the viewer, again whenever something was
// committed, and hands out each as JSON with the hash of its rows as version.
import {createHash} from "node:crypto";
import pg from "pg";
import {queries} from "./queries.js";

const POLL = 2000; // ms between two looks at whether anything was committed
const CHANNELS = ["calib_outbox", "calib_waiting", "calib_reminder"];
const AT_LEAST_EVERY = 300000; // time passes for the figures without a commit, too

// Plain JSON: numbers as numbers, days and times as ISO text.
const types = {
  getTypeParser(oid, format) {
    if (oid === 20 || oid === 1700) return Number;
    if (oid === 1082) return String;
    if (oid === 1184) return (text) => new Date(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00")).toISOString();
    return pg.types.getTypeParser(oid, format);
  }
};

const plain = (error) => ({message: error.message, code: error.code, detail: error.detail, hint: error.hint});

export class Figures {
  files = new Map(); // name -> {version, body}
  state = {ok: false, error: null, since: new Date().toISOString(), read_at: null};
  #client = null;
  #sign = null;
  #pause = {first: 0, rest: 0};
  #rest_due = false;
  #wake = null;
  #stopped = false;

  constructor(connection) {
    this.connection = connection;
  }

  // Until stop(): one connection, and another one two seconds after it breaks.
  async run() {
    while (!this.#stopped) {
      try {
        if (!this.#client) await this.#connect();
        await this.#look();
        this.#say(true, null);
      } catch (error) {
        this.#say(false, plain(error));
        await this.#disconnect();
      }
      await this.#sleep(POLL);
    }
    await this.#disconnect();
  }

  stop() {
    this.#stopped = true;
    this.#wake?.();
  }

  status() {
    const versions = Object.fromEntries([...this.files].map(([name, file]) => [name, file.version]));
    return {...this.state, versions};
  }

  #say(ok, error) {
    if (ok !== this.state.ok || error?.message !== this.state.error?.message)
      this.state = {...this.state, ok, error, since: new Date().toISOString()};
  }

  #sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #connect() {
    const client = new pg.Client({...this.connection, types, application_name: "calib dashboard", connectionTimeoutMillis: 5000});
    let told = false;
    client.on("error", () => {
      told = true;
      this.#wake?.();
    });
    client.on("notification", () => this.#wake?.());
    await client.connect();
    if (told) throw new Error("the connection was lost");
    this.#client = client;
    this.#sign = null;
    await client.query("SET default_transaction_read_only = on");
    await client.query("SET statement_timeout = '120s'");
    await client.query("SET timezone = 'UTC'; SET datestyle = 'ISO'");
    for (const channel of CHANNELS) await client.query(`LISTEN ${channel}`);
  }

  async #disconnect() {
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => {});
  }

  // Nothing notifies inside a user's transaction, so this asks: a snapshot differs from the
  // one before as soon as any transaction that writes began or ended. That is no more than
  // a hint; what changed, the hashes say.
  async #look() {
    const {rows: [{sign}]} = await this.#client.query("SELECT pg_current_snapshot()::text || ' ' || calib.today() AS sign");
    const now = Date.now();
    if (sign !== this.#sign || now - this.state.read > AT_LEAST_EVERY) {
      if (now < this.#pause.first) return;
      this.#sign = sign;
      await this.#read("first");
      this.#rest_due = true;
    }
    if (this.#rest_due && Date.now() >= this.#pause.rest) {
      this.#rest_due = false;
      await this.#read("rest");
    }
  }

  // All of one part from one snapshot. Reads that take long are made more rarely, so that a
  // dashboard never keeps a server busy.
  async #read(part) {
    const began = Date.now();
    const read = new Map();
    await this.#client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    for (const [name, query] of Object.entries(queries)) {
      if (Boolean(query.first) !== (part === "first")) continue;
      await this.#client.query("SAVEPOINT one");
      try {
        read.set(name, {rows: (await this.#client.query(query.sql)).rows});
      } catch (error) {
        if (!error.code || /^(08|57P)/.test(error.code)) throw error;
        await this.#client.query("ROLLBACK TO one");
        read.set(name, {error: plain(error)});
      }
    }
    const {rows: [{clock}]} = await this.#client.query("SELECT calib.clock() AS clock");
    await this.#client.query("COMMIT");
    const ended = Date.now();
    this.#pause[part] = ended + (ended - began > 1500 ? 4 : 1) * (ended - began);
    for (const [name, content] of read) this.#publish(name, content);
    this.state = {...this.state, clock, read: ended, read_at: new Date(ended).toISOString()};
  }

  #publish(name, content) {
    const body = JSON.stringify(content);
    const version = createHash("sha256").update(body).digest("hex").slice(0, 16);
    if (this.files.get(name)?.version !== version) this.files.set(name, {version, body});
  }
}
