// A stand-in for the server, for work on the console alone: seeded, in memory, and as strict as the
// real one about headers. Not part of the product.
//
//   npm run build && npm run dev:mock -- [--port 8440] [--syslog 0] [--seed] [--in]
//
// Prints the same lines as the product: the set-up link, and where syslog is heard.

import { createSocket } from 'node:dgram';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { routes } from './mock/routes.mjs';
import { World } from './mock/world.mjs';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));

const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types svelte-trusted-html',
].join('; ');

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml',
};

function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
}

const world = new World();
if (process.argv.includes('--seed')) world.seed();
if (process.argv.includes('--in')) world.createUser('admin', 'correct horse battery');

const server = createServer((request, response) => {
  for (const [name, value] of Object.entries({
    'content-security-policy': CSP,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  })) response.setHeader(name, value);
  const url = new URL(request.url, 'http://mock');
  if (url.pathname.startsWith('/api/')) void routes(world, request, response, url);
  else file(url.pathname, response);
});

function file(path, response) {
  const wanted = join(DIST, normalize(path));
  const found = wanted.startsWith(DIST) && existsSync(wanted) && statSync(wanted).isFile();
  if (!found && path.startsWith('/assets/')) {
    response.writeHead(404).end('no such file');
    return;
  }
  const served = found ? wanted : join(DIST, 'index.html');
  response.setHeader('content-type', TYPES[extname(served)] ?? 'application/octet-stream');
  response.setHeader('cache-control', path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
  createReadStream(served).pipe(response);
}

server.listen(Number(option('port', '8440')), '127.0.0.1', () => {
  const { port } = server.address();
  const link = world.user ? '/' : `/setup?token=${world.setupToken}`;
  process.stderr.write(`console http://127.0.0.1:${port}${link}\n`);
});

const syslog = createSocket('udp4');
syslog.on('message', (message) => world.line(message.toString('utf8')));
syslog.bind(Number(option('syslog', '0')), '127.0.0.1', () => {
  const { port } = syslog.address();
  world.inputs[0].address = `0.0.0.0:${port}`;
  process.stderr.write(`syslog udp 127.0.0.1:${port}\n`);
});
