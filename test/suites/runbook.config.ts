import { defineConfig } from 'vitest/config';

/** `npm run test:runbook`: the steps of deploy/README.md as they are written, and the files in deploy/. */
export default defineConfig({
  test: {
    include: ['test/runbook/**/*.runbook.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/end-of-file.ts'],
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
