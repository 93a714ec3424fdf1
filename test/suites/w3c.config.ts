import { defineConfig } from 'vitest/config';

/** `npm run test:w3c`: the W3C's own test suite of Trace Context, through edge, NATS and a worker. */
export default defineConfig({
  test: {
    include: ['test/w3c/**/*.w3c.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/end-of-file.ts'],
    testTimeout: 300_000,
    hookTimeout: 600_000,
  },
});
