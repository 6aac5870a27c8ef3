// Serves the built pages, /data/NAME.json and /data/status.json, on loopback only.
import {createServer} from "node:http";
import {readFile} from "node:fs/promises";
import {extname, join, normalize, sep} from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png"
};

// Nothing from elsewhere: what is not in the clone is not loaded.
const HEADERS = {
  "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer"
};

export function serve(root, figures, port) {
  const server = createServer((request, response) => {
    answer(request, root, figures)
      .catch((error) => ({status: 500, body: error.message, type: "text/plain; charset=utf-8"}))
      .then(({status = 200, body = "", type, headers}) => {
        response.writeHead(status, {...HEADERS, ...(type && {"Content-Type": type}), "Cache-Control": "no-cache", ...headers});
        response.end(request.method === "HEAD" ? undefined : body);
      });
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

async function answer(request, root, figures) {
  if (request.method !== "GET" && request.method !== "HEAD") return {status: 405};
  // A page of somebody else's whose name leads to loopback shall not read this.
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? "")) return {status: 421};
  const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
  const data = /^\/data\/(\w+)\.json$/.exec(path);
  return data ? file(data[1], request, figures) : page(path, root);
}

function file(name, request, figures) {
  const type = TYPES[".json"];
  if (name === "status") return {type, body: JSON.stringify(figures.status()), headers: {"Cache-Control": "no-store"}};
  const found = figures.files.get(name);
  if (!found) return {status: 404, type, body: JSON.stringify({error: {message: "not read yet", code: "NOT_READ"}})};
  const headers = {ETag: `"${found.version}"`};
  if (request.headers["if-none-match"] === headers.ETag) return {status: 304, headers};
  return {type, body: found.body, headers};
}

async function page(path, root) {
  const inside = normalize(join(root, path));
  if (inside !== root && !inside.startsWith(root + sep)) return {status: 404};
  for (const candidate of path.endsWith("/") ? [join(inside, "index.html")] : [inside, `${inside}.html`]) {
    const body = await readFile(candidate).catch(() => null);
    if (body) {
      // Names under _ carry the hash of what they hold.
      const headers = path.startsWith("/_") ? {"Cache-Control": "max-age=31536000, immutable"} : {};
      return {body, type: TYPES[extname(candidate)] ?? "application/octet-stream", headers};
    }
  }
  return {status: 404, type: "text/plain; charset=utf-8", body: "not found"};
}
