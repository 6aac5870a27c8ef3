// The dashboard's service: node serve.js. CALIB_DATABASE is a connection URI; without one the
// PG* variables say where, as for every client of PostgreSQL. PORT: where to listen (4680 or
// the next free).
import {fileURLToPath} from "node:url";
import {Figures} from "./server/figures.js";
import {serve} from "./server/http.js";

const root = fileURLToPath(new URL("./dist", import.meta.url));
const figures = new Figures(process.env.CALIB_DATABASE ? {connectionString: process.env.CALIB_DATABASE} : {});

async function listen() {
  const wanted = process.env.PORT ? [Number(process.env.PORT)] : Array.from({length: 20}, (_, n) => 4680 + n);
  for (const port of wanted) {
    try {
      return await serve(root, figures, port);
    } catch (error) {
      if (error.code !== "EADDRINUSE" || port === wanted.at(-1)) throw error;
    }
  }
}

const server = await listen();
console.log(`dashboard: http://127.0.0.1:${server.address().port}/`);
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    figures.stop();
    server.close();
    server.closeAllConnections();
  });
await figures.run();
