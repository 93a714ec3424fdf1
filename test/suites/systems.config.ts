import { defineConfig } from 'vitest/config';
import { BROKER, CLI, CLOCK, LIMITS, ON_EACH_SERVER, TRACE, VERIFY, WORKER } from './files.ts';

function suite(name: string, include: string[], exclude: string[] = []) {
  return { test: { ...LIMITS, name, include, exclude } };
}

/** The suites that start whole systems. `npm run test:worker` runs the project `worker`, and so on. */
export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 3,
    projects: [
      suite('broker', BROKER, ON_EACH_SERVER),
      suite('cli', CLI),
      suite('clock', CLOCK),
      suite('trace', TRACE),
      suite('verify', VERIFY),
      suite('worker', WORKER),
    ],
  },
});
