import { defineConfig } from 'vitest/config';
import { BROKER, LIMITS, ON_EACH_SERVER } from './vitest.config.ts';

/** `npm run test:broker`: what a nats-server, its settings and its permissions may do to Throughline. */
export default defineConfig({
  test: {
    ...LIMITS,
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 3,
    include: BROKER,
    exclude: ON_EACH_SERVER,
  },
});
