/**
 * `node bench/tracing.ts [rounds]`: what tracing costs on the path of a job, in the edge and in the worker. A stack with tracing and one without
 * work at the same time, so that a slow moment of the machine affects both alike. The figures are processor time for each job, in
 * microseconds: they say more than jobs per second where the machine has other work. The collector is a process of its own, which
 * counts spans and throws them away. Medians of the rounds. `bench/worker.ts` measures a worker that has more jobs than it can do.
 */
import type { Stack } from '../dev/stack.ts';
import { median, printRow, processorMs, workerdPids } from './support/measure.ts';
import { startOtlpSink } from './support/otlp-sink.ts';
import { startQuietStack } from './support/stack.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const REQUESTS = 500;
const PARALLEL = 16;
/** Rounds before the first one that counts: the code is not compiled yet. */
const WARM_UP = 2;

interface Variant {
  readonly name: 'untraced' | 'traced';
  readonly stack: Stack;
  readonly workerd: number;
  /** The figures of each round, in microseconds, by what was done. */
  readonly figures: Map<string, { readonly workerd: number; readonly worker: number }[]>;
}

/** One thing that both stacks do. */
interface Work {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
}

const WORKS: readonly Work[] = [
  { name: 'POST', headers: {} },
  { name: 'POST with wait', headers: { prefer: 'wait=30' } },
];

const sink = await startOtlpSink();
const variants = [
  await start('untraced', {}),
  await start('traced', { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url }),
];
try {
  for (let round = -WARM_UP; round < ROUNDS; round++)
    for (const work of WORKS)
      await Promise.all(variants.map((variant) => measure(variant, work, round >= 0)));
  for (const work of WORKS) print(work);
  const { spans, requests } = await sink.figures();
  process.stdout.write(`the collector got ${spans} spans in ${requests} requests\n`);
} finally {
  await Promise.all(variants.map(({ stack }) => stack.stop()));
  sink.stop();
}

async function start(name: Variant['name'], tracing: Readonly<Record<string, string>>): Promise<Variant> {
  const before = workerdPids();
  const worker = { WORKER_CONCURRENCY: '64', ...tracing };
  const stack = await startQuietStack({ tracing: false, worker, edge: { ...tracing } });
  const workerd = workerdPids().find((pid) => !before.includes(pid)) ?? 0;
  return { name, stack, workerd, figures: new Map() };
}

async function measure({ stack, workerd, figures }: Variant, work: Work, counts: boolean): Promise<void> {
  const pids = [workerd, stack.worker.pid];
  const before = pids.map(processorMs);
  await send(stack, work);
  await untilEnded(stack);
  const [edgeUs = 0, workerUs = 0] = pids.map(
    (pid, n) => ((processorMs(pid) - (before[n] ?? 0)) * 1e3) / REQUESTS,
  );
  if (!counts) return;
  figures.set(work.name, [...(figures.get(work.name) ?? []), { workerd: edgeUs, worker: workerUs }]);
}

/** Sends jobs, some requests at a time. */
async function send({ url, apiKey }: Stack, { headers }: Work): Promise<void> {
  const init = {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
    body: '{"operation":"echo","input":{"hello":"world"}}',
  };
  let left = REQUESTS;
  const sendNext = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await fetch(`${url}/v1/jobs`, init);
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`the edge answered ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, sendNext));
}

/** Waits until the index knows no job that has not ended. */
async function untilEnded({ url, apiKey }: Stack): Promise<void> {
  for (const state of ['queued', 'running']) {
    for (;;) {
      const headers = { authorization: `Bearer ${apiKey}` };
      const answer = await fetch(`${url}/v1/jobs?state=${state}&limit=1`, { headers });
      const { jobs, complete } = (await answer.json()) as { jobs: unknown[]; complete: boolean };
      if (complete && jobs.length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function print({ name }: Work): void {
  for (const process of ['workerd', 'worker'] as const) {
    const [off = [], on = []] = variants.map(({ figures }) =>
      (figures.get(name) ?? []).map((one) => one[process]),
    );
    const ratios = on.map((value, round) => value / (off[round] ?? Number.NaN));
    const more = ((median(ratios) - 1) * 100).toFixed(0);
    printRow(
      `${name}, ${process}:`,
      `untraced ${median(off).toFixed(0)} µs`,
      `traced ${median(on).toFixed(0)} µs`,
      `${more} % more`,
      `(rounds: ${ratios.map((ratio) => ((ratio - 1) * 100).toFixed(0)).join(', ')})`,
    );
  }
}
