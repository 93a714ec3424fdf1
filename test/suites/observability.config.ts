import { defineConfig } from 'vitest/config';
import { LIMITS, OBSERVABILITY } from './files.ts';

/** `npm run test:observability`: Prometheus and its tools on the alerts, and on a real edge and a real worker. */
export default defineConfig({
  test: {
    ...LIMITS,
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 2,
    include: OBSERVABILITY,
  },
});
