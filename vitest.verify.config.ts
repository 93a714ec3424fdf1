import { defineConfig } from 'vitest/config';
import { LIMITS, VERIFY } from './vitest.config.ts';

/** `npm run test:verify`: `throughline verify` on systems that lose traces, each in its own way, and on ones that do not. */
export default defineConfig({
  test: {
    ...LIMITS,
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 4,
    include: VERIFY,
  },
});
