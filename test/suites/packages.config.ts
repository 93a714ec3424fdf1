import { defineConfig } from 'vitest/config';
import { PACKAGES } from './files.ts';

/** `npm run test:packages`: the packages, in projects outside the clone that npm has installed them into. */
export default defineConfig({
  test: {
    include: PACKAGES,
    globalSetup: ['test/support/global-setup.ts', 'test/packages/support/packed.ts'],
    setupFiles: ['test/support/end-of-file.ts'],
    maxWorkers: 2,
    testTimeout: 400_000,
    hookTimeout: 400_000,
  },
});
