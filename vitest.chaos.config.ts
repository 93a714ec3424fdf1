import { defineConfig } from 'vitest/config';

/** `npm run test:chaos`: faults on purpose, one file at a time, since each uses the whole machine. */
export default defineConfig({
  test: {
    include: ['test/chaos/**/*.chaos.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 600_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
