// Keeps what the pages show: reads the queries as the viewer, again whenever something was
// committed, and hands out each as JSON with the hash of its rows as version.
import {createHash} from "node:crypto";
import pg from "pg";
import {queries} from "./queries.js";

const POLL = 1000; // ms between two looks at whether anything was committed
const AGAIN = 2000; // ms until a connection that broke is tried again
const CHANNELS = ["calib_outbox", "calib_waiting", "calib_reminder"];
const AT_LEAST_EVERY = 300000; // time passes for the figures without a commit, too
const LANGUAGES = ["en", "zh"];

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
  #state = {ok: false, error: null, read_at: null, clock: null};
  #readers;

  // What takes longer is read beside the rest, so that nothing waits for it.
  constructor(connection) {
    const part = (first) => Object.entries(queries).filter(([, query]) => Boolean(query.first) === first);
    const lead = new Reader(connection, part(true), (read) => {
      this.#publish(read.files);
      this.#state = {...this.#state, clock: read.clock, read_at: new Date().toISOString()};
    });
    lead.said = (error) => {
      this.#state = {...this.#state, ok: error === null, error};
    };
    this.#readers = [lead, new Reader(connection, part(false), (read) => this.#publish(read.files))];
  }

  run() {
    return Promise.all(this.#readers.map((reader) => reader.run()));
  }

  stop() {
    for (const reader of this.#readers) reader.stop();
  }

  status() {
    const versions = Object.fromEntries([...this.files].map(([name, file]) => [name, file.version]));
    return {...this.#state, versions};
  }

  #publish(files) {
    for (const [name, content] of files) {
      const body = JSON.stringify(content);
      const version = createHash("sha256").update(body).digest("hex").slice(0, 16);
      if (this.files.get(name)?.version !== version) this.files.set(name, {version, body});
    }
  }
}

// One connection that reads one part of the queries, all of it from one snapshot.
class Reader {
  said = () => {};
  #client = null;
  #sign = null;
  #read_at = 0;
  #pause = 0;
  #wake = null;
  #stopped = false;

  constructor(connection, part, publish) {
    Object.assign(this, {connection, part, publish});
  }

  // Until stop(): one connection, and another one a while after it breaks.
  async run() {
    while (!this.#stopped) {
      let wait = POLL;
      try {
        if (!this.#client) await this.#connect();
        await this.#look();
        this.said(null);
      } catch (error) {
        this.said(plain(error));
        await this.#disconnect();
        wait = AGAIN;
      }
      if (!this.#stopped) await this.#sleep(wait);
    }
    await this.#disconnect();
  }

  stop() {
    this.#stopped = true;
    this.#wake?.();
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
    client.on("error", () => this.#wake?.());
    client.on("notification", () => this.#wake?.());
    await client.connect();
    this.#client = client;
    this.#sign = null;
    await client.query("SET default_transaction_read_only = on; SET statement_timeout = '120s'; SET timezone = 'UTC'; SET datestyle = 'ISO'");
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
    if (now < this.#pause || (sign === this.#sign && now - this.#read_at < AT_LEAST_EVERY)) return;
    const read = await this.#read();
    this.#sign = sign;
    this.#read_at = Date.now();
    // At most half the time is spent on reading, and a fifth where it takes long, so that a
    // dashboard does not keep a large organisation's server busy.
    const took = this.#read_at - now;
    this.#pause = this.#read_at + (took > 10000 ? 4 * took : took - POLL);
    this.publish(read);
  }

  async #read() {
    const files = new Map();
    await this.#client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    for (const [name, query] of this.part) {
      await this.#client.query("SAVEPOINT one");
      try {
        files.set(name, {rows: await this.#rows(query)});
      } catch (error) {
        // a connection that broke, or a server that goes down, is no fault of the query
        if (!error.code || /^(08|57P)/.test(error.code)) throw error;
        await this.#client.query("ROLLBACK TO one");
        files.set(name, {error: plain(error)});
      }
    }
    const {rows: [{clock}]} = await this.#client.query("SELECT calib.clock() AS clock");
    await this.#client.query("COMMIT");
    return {files, clock};
  }

  // Sentences that calib gives in the session's language only are asked for in each.
  async #rows(query) {
    if (!query.sentence) return (await this.#client.query(query.sql)).rows;
    const told = [];
    for (const language of LANGUAGES) {
      await this.#client.query(`SET LOCAL calib.language = '${language}'`);
      told.push((await this.#client.query(query.sql)).rows);
    }
    return told[0].map((row, n) => {
      const {[query.sentence]: _, ...rest} = row;
      LANGUAGES.forEach((language, l) => (rest[`reason_${language}`] = told[l][n][query.sentence]));
      return rest;
    });
  }
}
