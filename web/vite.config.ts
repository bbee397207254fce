import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** In development the page has no server that says where it is mounted, so this says it. */
function developmentBase(): Plugin {
  return {
    name: 'development-base',
    apply: 'serve',
    transformIndexHtml: () => [{ tag: 'base', attrs: { href: '/app/' }, injectTo: 'head-prepend' }],
  };
}

const server = process.env.CYTOSOL_URL ?? 'http://127.0.0.1:8000';

export default defineConfig(({ command }) => ({
  // Relative addresses: the server says through <base href> where the page is mounted.
  base: command === 'serve' ? '/app/' : './',
  plugins: [react(), developmentBase()],
  server: { proxy: { '/api': { target: server, changeOrigin: false } } },
  build: { target: 'es2022', assetsInlineLimit: 0, sourcemap: false, chunkSizeWarningLimit: 600 },
  worker: { format: 'es' },
  test: { include: ['tests/**/*.test.ts', 'tests/**/*.test.tsx'], environment: 'node' },
}));
