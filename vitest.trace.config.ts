import { defineConfig } from 'vitest/config';
import { LIMITS, TRACE } from './vitest.config.ts';

/** `npm run test:trace`: the spans of whole systems, and what becomes of them when the collector fails. */
export default defineConfig({
  test: {
    ...LIMITS,
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 3,
    include: TRACE,
  },
});
