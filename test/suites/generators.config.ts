import { defineConfig } from 'vitest/config';

/** `npm run test:generators`: clients that other people's generators make from the OpenAPI document. */
export default defineConfig({
  test: {
    include: ['test/generators/**/*.generators.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/end-of-file.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
