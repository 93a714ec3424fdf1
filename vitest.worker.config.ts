import { defineConfig } from 'vitest/config';
import { LIMITS, WORKER } from './vitest.config.ts';

/** `npm run test:worker`: worker hosts that are stopped, killed, cut off, blocked, or given bad operations. */
export default defineConfig({
  test: {
    ...LIMITS,
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 3,
    include: WORKER,
  },
});
