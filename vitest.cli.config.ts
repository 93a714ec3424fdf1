import { defineConfig } from 'vitest/config';
import { CLI, LIMITS } from './vitest.config.ts';

/** `npm run test:cli`: the command line on real systems, many of them broken, and the local stack. */
export default defineConfig({
  test: {
    ...LIMITS,
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 3,
    include: CLI,
  },
});
