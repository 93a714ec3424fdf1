import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import {
  BROKER,
  CLI,
  CLOCK,
  CONFORMANCE,
  LIMITS,
  OBSERVABILITY,
  OWN_PROCESS,
  PACKAGES,
  SYSTEM,
  TRACE,
  VERIFY,
  WORKER,
} from './test/suites/files.ts';

function project(name: string, test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration {
  return { test: { ...LIMITS, name, ...test } };
}

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    // The smallest machine that we support has two cores. The tests of the whole system wait more than they compute.
    maxWorkers: 4,
    // They run in the order of their names: the long files first, so that short ones fill the end of a run. Files share
    // a process where they can: loading what they all import would take longer than most of the tests.
    projects: [
      project('1 system', {
        include: SYSTEM,
        exclude: [...OWN_PROCESS, ...BROKER, ...CLOCK, ...WORKER, ...CLI, ...TRACE],
        isolate: false,
      }),
      project('2 own process', { include: OWN_PROCESS }),
      project('3 unit', {
        include: ['test/**/*.test.ts'],
        exclude: [...SYSTEM, ...OWN_PROCESS, ...PACKAGES, ...VERIFY, ...CONFORMANCE, ...OBSERVABILITY],
        isolate: false,
      }),
    ],
  },
});
