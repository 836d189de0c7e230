// TypeScript sources as a plain Node process can load them, changed on the way where a change is given.
import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';

export const sources = (...changes) =>
  createViteServer({
    root: fileURLToPath(new URL('../..', import.meta.url)),
    configFile: false,
    logLevel: 'error',
    server: { middlewareMode: true, watch: null, hmr: false, ws: false },
    optimizeDeps: { noDiscovery: true },
    plugins: changes,
  });
