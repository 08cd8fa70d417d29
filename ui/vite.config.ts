import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// Where `npm run dev` finds a server to talk to: a running `bartizan serve`, or `npm run dev:mock`.
const backend = process.env.BARTIZAN_URL ?? 'http://127.0.0.1:8440';

export default defineConfig({
  plugins: [svelte()],
  server: { proxy: { '/api': backend } },
  build: {
    target: 'es2023',
    // The content security policy admits neither inlined assets nor inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
