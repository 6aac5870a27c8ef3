// engine.mjs NAME FOLDER: another database in this process, for turns.sh.
//
// Takes lines from stdin: run FILE, time FILE, csv FILE OUT; answers each with a line,
// "ok ..." or what went wrong. Times are of all rows fetched. Two threads, and memory that
// leaves room for the server; what is larger goes to disk.
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

async function duckdb(folder) {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  mkdirSync(folder, { recursive: true });
  const instance = await DuckDBInstance.create(`${folder}/company.duckdb`, { threads: '2', memory_limit: '8GB' });
  const connection = await instance.connect();
  return {
    run: (sql) => connection.run(sql),
    rows: async (sql) => (await connection.runAndReadAll(sql)).getRows(),
    csv: (sql, out) => connection.run(`COPY (${sql}) TO '${out}' (FORMAT csv, HEADER false)`),
  };
}

async function clickhouse(folder) {
  const { Session } = await import('chdb');
  const session = new Session(folder);
  const query = (sql, format) => session.query(sql, format);
  query('SET max_threads = 2, max_bytes_before_external_group_by = 6000000000', 'CSV');
  return {
    run: (sql) => query(sql, 'CSV'),
    rows: (sql) => query(sql, 'Native'),
    csv: (sql, out) => writeFileSync(out, query(sql, 'CSV').replaceAll('\\N', '').replaceAll('"', '')),
  };
}

const [name, folder] = process.argv.slice(2);
const engine = await { duckdb, clickhouse }[name](folder);
for await (const line of createInterface({ input: process.stdin })) {
  const [command, file, out] = line.split(' ');
  try {
    const sql = readFileSync(file, 'utf8').replace(/--.*$/gm, '').trim().replace(/;$/, '');
    const started = process.hrtime.bigint();
    if (command === 'run') for (const one of sql.split(';')) await engine.run(one);
    else if (command === 'csv') await engine.csv(sql, out);
    else await engine.rows(sql);
    console.log(`ok ${(Number(process.hrtime.bigint() - started) / 1e6).toFixed(3)}`);
  } catch (error) {
    console.log(`failed: ${String(error.message ?? error).replace(/\s+/g, ' ')}`);
  }
}
process.exit(0);
