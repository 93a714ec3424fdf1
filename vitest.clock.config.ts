import { defineConfig } from 'vitest/config';
import { CLOCK, LIMITS } from './vitest.config.ts';

/** `npm run test:clock`: schedules and limits by key, whose tests wait for times to come. */
export default defineConfig({
  test: {
    ...LIMITS,
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 3,
    include: CLOCK,
  },
});
