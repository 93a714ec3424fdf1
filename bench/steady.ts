/**
 * `node bench/steady.ts [minutes] [jobs per second]`: a steady load of traced jobs, one request for each. It prints a
 * line for each twentieth of the time: the heap of the Worker, the memory and the open files of workerd, worker and
 * nats-server, and the jobs pending in the outbox. The last line shows how much each of them grows in an hour: the
 * slope of the line that fits the second half best.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { openHeap } from '../dev/edge/heap.ts';
import { jsonHeaders } from './support/api.ts';
import { MIB, openFiles, printRow, residentMib, slope, workerdPid } from './support/measure.ts';
import { startStackOnDisk } from './support/stack.ts';

const MINUTES = Number(process.argv[2] ?? 60);
const PER_SECOND = Number(process.argv[3] ?? 200);
const LINES = 20;
const TICK_MS = 20;
/** The most requests under way. When there are that many, the next ones are sent later, and the job count shows it. */
const MOST_AT_ONCE = 128;

const stack = await startStackOnDisk({ inspect: true });
const headers = jsonHeaders(stack.apiKey);
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
};
process.once('SIGINT', () => void stop().finally(() => process.exit(130)));

try {
  printRow('minute', 'jobs', 'refused', ...COLUMNS);
  const load = sendLoad();
  for (let line = 1; line <= LINES; line++) {
    await delay((MINUTES / LINES) * line * 60_000 - (performance.now() - began));
    const values = await measure();
    samples.push({ hours: minutesGone() / 60, values });
    const shown = values.map((value) => value.toFixed(0));
    printRow(minutesGone().toFixed(0), String(count.accepted), String(count.refused), ...shown);
  }
  await load;
  const settled = samples.slice(samples.length / 2);
  const slopes = COLUMNS.map((_, column) =>
    slope(settled.map(({ hours, values }) => [hours, values[column] ?? 0])),
  );
  printRow('an hour', '', '', ...slopes.map((value) => value.toFixed(1)));
} finally {
  await stop();
}

/** Sends the requests that are due, tick by tick, until the time is over. */
async function sendLoad(): Promise<void> {
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

/** Measures everything, in the order of the columns. */
async function measure(): Promise<number[]> {
  const pids = [workerdPid(), stack.worker.pid, stack.nats.pid];
  const ready = (await (await fetch(`${stack.url}/readyz`)).json()) as {
    bridges?: { outbox: { pending: number } }[];
  };
  const pending = (ready.bridges ?? []).reduce((sum, { outbox }) => sum + outbox.pending, 0);
  const heapMib = (await heap.used()) / MIB;
  return [heapMib, ...pids.map(residentMib), ...pids.map(openFiles), pending];
}
