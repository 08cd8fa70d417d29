// Tells what the first page costs to load, brotli, and fails where it is over the bound.

import { readFileSync, readdirSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';

const KILOBYTES_MAX = 90;

const dist = new URL('../dist/', import.meta.url);
const index = readFileSync(new URL('index.html', dist), 'utf8');
const size = (path) => brotliCompressSync(readFileSync(new URL(path, dist))).length;
const entry = [...index.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map((match) => match[1]);
let total = 0;
for (const path of entry) total += size(path);
for (const name of readdirSync(new URL('assets/', dist)).sort()) {
  if (/\.(js|css)$/.test(name)) console.log(`${(size(`assets/${name}`) / 1000).toFixed(1).padStart(7)} kB  ${name}${entry.includes(`assets/${name}`) ? '  entry' : ''}`);
}
console.log(`entry: ${(total / 1000).toFixed(1)} kB of ${KILOBYTES_MAX}`);
if (total > KILOBYTES_MAX * 1000) process.exit(1);
