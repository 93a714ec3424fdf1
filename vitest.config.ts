import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const LIMITS = {
  testTimeout: 30_000,
  hookTimeout: 60_000,
  setupFiles: ['test/support/end-of-file.ts'],
};

/** Tests that change the process they run in: these replace `node:dns`, and test/e2e/nats trusts certificates of its own. */
const OWN_PROCESS = [
  'test/e2e/nats/**/*.test.ts',
  'test/unit/worker-node/callbacks/target-guard.test.ts',
  'test/unit/worker-node/operations/built-in/http-request.test.ts',
];

function project(name: string, test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration {
  return { test: { ...LIMITS, name, ...test } };
}

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    // The smallest machine that we support has two cores. The e2e tests wait more than they compute.
    maxWorkers: 4,
    projects: [
      // Files share a process: loading what they all import would take longer than most of the tests.
      project('shared', { include: ['test/**/*.test.ts'], exclude: OWN_PROCESS, isolate: false }),
      project('own-process', { include: OWN_PROCESS }),
    ],
  },
});
