import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from 'vitest/config';
import broker from './vitest.broker.config.ts';
import chaos from './vitest.chaos.config.ts';
import cli from './vitest.cli.config.ts';
import clock from './vitest.clock.config.ts';
import { LIMITS, ON_EACH_SERVER } from './vitest.config.ts';
import conformance from './vitest.conformance.config.ts';
import docs from './vitest.docs.config.ts';
import generators from './vitest.generators.config.ts';
import observability from './vitest.observability.config.ts';
import runbook from './vitest.runbook.config.ts';
import trace from './vitest.trace.config.ts';
import verify from './vitest.verify.config.ts';
import worker from './vitest.worker.config.ts';

/** Most files wait more than they compute: with six, two cores have nothing to do for a sixth of the time. With seven, programs start late. */
const MAX_WORKERS = 6;
const SHARED = { isolate: false };
/** Its workerd trusts a certificate that is made before it is loaded. */
const TRUSTING = ['test/e2e/trace/broker/**/*.test.ts'];

/** A suite with its own files and limits. What belongs to a whole run is below. */
function project(
  name: string,
  { test = {} }: ViteUserConfig,
  more: TestProjectInlineConfiguration['test'] = {},
): TestProjectInlineConfiguration {
  const { globalSetup: _, maxWorkers: __, fileParallelism: ___, ...own } = test;
  return { test: { ...own, maxWorkers: MAX_WORKERS, name, ...more } };
}

/**
 * `npm run test:ci`: the suites of CI in one run. Alone, each of them would start vitest, make its own bundle of the edge, and wait
 * for its last file while the machine has nothing to do. The workers that break the protocol, the mixed fleets, the other faults
 * and the other nats-servers, which test:runbook has too, have no place in twelve minutes.
 */
export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: MAX_WORKERS,
    // They run in the order of their names: the suites with the longest files first, so that short ones fill the end.
    projects: [
      project('01 runbook', runbook),
      project('02 docs', docs),
      project('03 cli', cli, SHARED),
      project('04 broker', broker),
      project('05 clock', clock, SHARED),
      project('06 verify', verify, SHARED),
      project('07 worker', worker, SHARED),
      project('08 nats', { test: { ...LIMITS, include: ON_EACH_SERVER } }),
      project('09 generators', generators),
      project('10 memory', chaos, { include: ['test/chaos/scenarios/memory.chaos.ts'] }),
      project('11 trace', trace, { ...SHARED, exclude: TRUSTING }),
      project('11 trace of NATS', trace, { include: TRUSTING }),
      project('12 observability', observability, SHARED),
      project('13 conformance', conformance, {
        ...SHARED,
        include: ['test/conformance/{command,our-worker}.test.ts'],
      }),
    ],
  },
});
