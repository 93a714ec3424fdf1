import { defineConfig } from 'vitest/config';
import { CONFORMANCE, LIMITS } from './files.ts';

/** `npm run test:conformance`: `throughline conformance` on our worker, on one on plain NATS, and on ones that break the protocol. */
export default defineConfig({
  test: {
    ...LIMITS,
    testTimeout: 300_000,
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 2,
    include: CONFORMANCE,
  },
});
