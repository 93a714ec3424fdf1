import { defineConfig } from 'vitest/config';

/** `npm run test:carriers`: traces through the brokers and clients of other people. */
export default defineConfig({
  test: {
    include: ['test/carriers/**/*.carriers.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/end-of-file.ts'],
    testTimeout: 300_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});
