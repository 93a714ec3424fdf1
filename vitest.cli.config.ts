import { defineConfig } from 'vitest/config';
import { CLI, LIMITS } from './vitest.config.ts';

/** `npm run test:cli`: the commands for operators, on systems that are broken in many ways, and the local stack. */
export default defineConfig({
  test: {
    ...LIMITS,
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 4,
    include: CLI,
  },
});
