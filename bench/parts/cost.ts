import type { Stack } from '../../dev/stack.ts';
import { UNLIMITED } from '../edges/unlimited.ts';
import { withWorkerd } from '../edges/workerd.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import { type Contestant, inTurns } from '../suite/rounds.ts';
import type { Figures } from '../suite/table.ts';
import { jsonHeaders, untilNoJobIs } from '../support/api.ts';
import { edgeBundle } from '../support/bundle.ts';
import { processorMs } from '../support/measure.ts';
import { startQuietStack } from '../support/stack.ts';

const COUNTED_EDGE = 'bench/limits/counted-edge.ts';
const JOBS = 2_000;
const QUICK_JOBS = 100;
/** Of each way. Until then V8 still recompiles code, as in the table of the edge. */
const WARM_UP_REQUESTS = 25_000;
const WARM_UP_JOBS = 100_000;
const BATCH = 100;
const PARALLEL = 16;
const POLL_MS = 100;
/** What Cloudflare counts, by the names of `counted-edge.ts`, for one job. */
const COUNTED = [
  'calls of Bridge',
  'calls of JobIndex',
  'alarms',
  'WebSocket messages',
  'rows read',
  'rows written',
];

/** A way to submit jobs. */
interface Way {
  readonly name: string;
  readonly path: string;
  readonly jobsOfRequest: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

const JOB = { operation: 'echo', input: { hello: 'world' } };
const WAYS: readonly Way[] = [
  { name: 'POST', path: '/v1/jobs', jobsOfRequest: 1, body: JOB, headers: {} },
  { name: 'POST, wait', path: '/v1/jobs', jobsOfRequest: 1, body: JOB, headers: { prefer: 'wait=30' } },
  {
    name: `POST, a batch of ${BATCH}`,
    path: '/v1/jobs/batch',
    jobsOfRequest: BATCH,
    headers: {},
    body: { jobs: Array.from({ length: BATCH }, () => JOB) },
  },
];

/** What Cloudflare takes money for. */
export const cost: Part = {
  name: 'cost',
  what: 'what Cloudflare counts for a job: requests, calls of Durable Objects, rows',
  tables: ['cost'],
  run: async ({ quick, rounds, wanted, report }: PartOptions) => {
    if (!wanted('cost')) return;
    const parts = { bundle: await edgeBundle(COUNTED_EDGE), worker: { WORKER_CONCURRENCY: '64' } };
    const { started: stack, workerd } = await withWorkerd(() =>
      startQuietStack({ ...parts, tracing: false, edge: UNLIMITED }),
    );
    const jobs = quick ? QUICK_JOBS : JOBS;
    const contestants = WAYS.map(
      (way): Contestant => ({
        name: way.name,
        kind: 'ours',
        measure: () => measure(stack, workerd, way, jobs),
      }),
    );
    try {
      if (!quick) await warmUp(stack);
      await report({
        name: 'cost',
        title: 'What Cloudflare counts for one job, from its request to its end',
        columns: [
          { name: 'processor time', unit: 'ms', digits: 2 },
          { name: 'requests', unit: '', digits: 2 },
          ...COUNTED.map((name) => ({ name, unit: '', digits: 2 })),
        ],
        rows: await inTurns(contestants, rounds),
        notes: [
          `${jobs} jobs, ${PARALLEL} requests at a time: at a lower rate, fewer jobs share a call of the index.`,
        ],
      });
    } finally {
      await stack.stop();
    }
  },
};

async function warmUp(stack: Stack): Promise<void> {
  for (const way of WAYS)
    await submit(stack, way, Math.min(WARM_UP_REQUESTS * way.jobsOfRequest, WARM_UP_JOBS));
  await untilDone(stack);
}

async function measure(stack: Stack, workerd: number, way: Way, jobs: number): Promise<Figures> {
  const [before, ms] = [await countsOf(stack), processorMs(workerd)];
  await submit(stack, way, jobs);
  await untilDone(stack);
  const [after, used] = [await countsOf(stack), processorMs(workerd) - ms];
  const counted = COUNTED.map((name) => [name, ((after[name] ?? 0) - (before[name] ?? 0)) / jobs]);
  return {
    'processor time': used / jobs,
    requests: 1 / way.jobsOfRequest,
    ...Object.fromEntries(counted),
  };
}

async function countsOf({ url }: Stack): Promise<Readonly<Record<string, number>>> {
  return (await (await fetch(`${url}/counts`)).json()) as Readonly<Record<string, number>>;
}

async function submit(stack: Stack, way: Way, jobs: number): Promise<void> {
  const headers = { ...jsonHeaders(stack.apiKey), ...way.headers };
  const init = { method: 'POST', headers, body: JSON.stringify(way.body) };
  let left = jobs / way.jobsOfRequest;
  const send = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await fetch(`${stack.url}${way.path}`, init);
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, send));
}

/** Waits until the index has the end of each job. */
async function untilDone(stack: Stack): Promise<void> {
  await untilNoJobIs(['queued', 'running'], stack, POLL_MS);
}
