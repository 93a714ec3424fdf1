import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import chaos from './chaos.config.ts';
import conformance from './conformance.config.ts';
import docs from './docs.config.ts';
import { BROKER, CLI, CLOCK, LIMITS, OBSERVABILITY, ON_EACH_SERVER, TRACE, VERIFY, WORKER } from './files.ts';
import generators from './generators.config.ts';
import runbook from './runbook.config.ts';

/** Most files wait more than they compute: with six, two cores have nothing to do for a sixth of the time. With seven, programs start late. */
const MAX_WORKERS = 6;
const SHARED = { isolate: false };
/** Each trusts a certificate of its own, and so does its workerd: the certificate is made before Miniflare is loaded. */
const TRUSTING = [
  'test/e2e/trace/broker/**/*.test.ts',
  'test/e2e/nats/{group-users,strangers}.test.ts',
  ...ON_EACH_SERVER,
];
const SYSTEMS = [...CLI, ...CLOCK, ...VERIFY, ...WORKER, ...TRACE, ...OBSERVABILITY, ...BROKER];

/** These files are small, but take a minute or more: they wait. Started last, they would run alone at the end. */
const LONG = [
  'test/verify/broker-breakages.test.ts',
  'test/verify/breakages.test.ts',
  'test/verify/worker-breakages.test.ts',
  'test/e2e/jobs/limits.test.ts',
];

/** In each project, starts the {@link LONG} files first, and then, as vitest does, the largest. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((file) => moduleId.endsWith(file));
    const inOrder = await super.sort(files);
    const projects = new Set(inOrder.map(({ project }) => project));
    return [...projects].flatMap((project) => {
      const own = inOrder.filter((file) => file.project === project);
      return [...own.filter(isLong), ...own.filter((file) => !isLong(file))];
    });
  }
}

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
    sequence: { sequencer: LongFirst },
    // They run in the order of their names: the suites with the longest files first, so that short ones fill the end.
    projects: [
      project('01 runbook', runbook),
      project('02 docs', docs),
      project('03 conformance', conformance, {
        ...SHARED,
        include: ['test/conformance/{command,our-worker}.test.ts'],
      }),
      project('04 memory', chaos, { include: ['test/chaos/scenarios/memory.chaos.ts'] }),
      project('05 generators', generators),
      project('06 trusting', { test: { ...LIMITS, include: TRUSTING } }),
      // One project for all that may share processes, since only files of one project do: a process that loads vitest, our
      // sources and Miniflare takes a second of processor time.
      project('07 systems', { test: { ...LIMITS, include: SYSTEMS, exclude: TRUSTING } }, SHARED),
    ],
  },
});
