/**
 * `node bench/steady.ts [minutes] [jobs per second]`: a steady load, one request for each job, traced. A line for each
 * twentieth of the time: the heap of the Worker, what workerd, worker and NATS hold in memory and have open, and what waits in the outbox. At the end,
 * how much each of them grew in an hour's time, by the line that fits the second half best.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openHeap } from '../dev/edge/heap.ts';
import { startStack } from '../dev/stack.ts';
import { openFiles, residentMib, workerdPid } from './support/process-size.ts';

const MINUTES = Number(process.argv[2] ?? 60);
const PER_SECOND = Number(process.argv[3] ?? 200);
const LINES = 20;
const TICK_MS = 20;
/** Requests that may be under way: what comes beyond is put off, and the line shows it. */
const MOST_AT_ONCE = 128;

const storageDir = await mkdtemp(path.join(tmpdir(), 'throughline-steady-'));
const stack = await startStack({
  storageDir,
  inspect: true,
  onLog: () => undefined,
  onStep: () => undefined,
  ports: { http: 0, nats: 0, natsWebSocket: 0, otlp: 0 },
});
const headers = { authorization: `Bearer ${stack.apiKey}`, 'content-type': 'application/json' };
const body = JSON.stringify({ operation: 'echo', input: 1 });
const heap = await openHeap(stack.inspectorUrl ?? '');
const COLUMNS = ['heap', 'workerd', 'worker', 'nats', 'open', 'open', 'open', 'outbox'] as const;
const count = { sent: 0, accepted: 0, refused: 0, underWay: 0 };
const began = performance.now();
const minutesGone = (): number => (performance.now() - began) / 60_000;
const samples: { readonly hours: number; readonly values: readonly number[] }[] = [];

let over = false;
const stop = async (): Promise<void> => {
  over = true;
  heap.close();
  await stack.stop();
  await rm(storageDir, { recursive: true, force: true });
};
process.once('SIGINT', () => void stop().finally(() => process.exit(130)));

try {
  print('minute', 'jobs', 'refused', ...COLUMNS);
  const load = offer();
  for (let line = 1; line <= LINES; line++) {
    await delay((MINUTES / LINES) * line * 60_000 - (performance.now() - began));
    const values = await look();
    samples.push({ hours: minutesGone() / 60, values });
    const shown = values.map((value) => value.toFixed(0));
    print(minutesGone().toFixed(0), String(count.accepted), String(count.refused), ...shown);
  }
  await load;
  const settled = samples.slice(samples.length / 2);
  const slopes = COLUMNS.map((_, column) =>
    slope(settled.map(({ hours, values }) => [hours, values[column] ?? 0])),
  );
  print('an hour', '', '', ...slopes.map((value) => value.toFixed(1)));
} finally {
  await stop();
}

/** Sends what is due, tick by tick, until the time is over. */
async function offer(): Promise<void> {
  while (!over && minutesGone() < MINUTES) {
    const due = minutesGone() * 60 * PER_SECOND;
    for (; count.sent < due && count.underWay < MOST_AT_ONCE; count.sent++) void submit();
    await delay(TICK_MS);
  }
}

async function submit(): Promise<void> {
  count.underWay++;
  try {
    const response = await fetch(`${stack.url}/v1/jobs`, { method: 'POST', headers, body });
    await response.arrayBuffer();
    if (response.status === 202) count.accepted++;
    else count.refused++;
  } catch {
    count.refused++;
  } finally {
    count.underWay--;
  }
}

/** In the order of the columns. */
async function look(): Promise<number[]> {
  const pids = [workerdPid(), stack.worker.pid, stack.nats.pid];
  const ready = (await (await fetch(`${stack.url}/readyz`)).json()) as {
    bridges?: { outbox: { pending: number } }[];
  };
  const pending = (ready.bridges ?? []).reduce((sum, { outbox }) => sum + outbox.pending, 0);
  const heapMib = (await heap.used()) / 1024 ** 2;
  return [heapMib, ...pids.map(residentMib), ...pids.map(openFiles), pending];
}

/** The slope of the line through these points by least squares. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return above / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

function print(...cells: readonly string[]): void {
  process.stdout.write(`${cells.map((cell) => cell.padStart(9)).join(' ')}\n`);
}
