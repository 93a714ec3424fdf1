import { defineConfig } from 'vitest/config';

/** `npm run test:docs`: does what each page says, and compiles the TypeScript in it. */
export default defineConfig({
  test: {
    include: ['test/docs/**/*.docs.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/end-of-file.ts'],
    maxWorkers: 2,
    testTimeout: 400_000,
    hookTimeout: 400_000,
  },
});
