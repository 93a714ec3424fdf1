import { setTimeout as delay } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { openHeap } from '../../dev/edge/heap.ts';
import type { Stack } from '../../dev/stack.ts';
import { withWorkerd } from '../edges/workerd.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import type { Figures, Row } from '../suite/table.ts';
import { jsonHeaders, untilNoJobIs } from '../support/api.ts';
import { MIB, residentMib } from '../support/measure.ts';
import { startStackOnDisk } from '../support/stack.ts';

const BATCH = 100;
const PARALLEL = 4;
const STEPS = 10;
const DRAIN_POLL_MS = 200;
/** The least that a stream with the usual window for duplicates can have. By default `EVENTS` keeps events for 7 days. */
const EVENTS_AGE_S = 120;
const NANOS_PER_S = 1e9;

/** The memory of each process while jobs pass through. Nothing may stay in memory for each job. */
export const memory: Part = {
  name: 'memory',
  what: 'the memory of workerd, worker and nats-server while many jobs pass through',
  tables: ['memory'],
  run: async ({ jobs, wanted, report }: PartOptions) => {
    if (!wanted('memory')) return;
    await report({
      name: 'memory',
      title: `Memory while ${jobs.toLocaleString('en-US')} jobs pass through`,
      columns: [
        { name: 'heap of the edge', unit: 'MiB' },
        { name: 'workerd', unit: 'MiB' },
        { name: 'worker', unit: 'MiB' },
        { name: 'nats-server', unit: 'MiB' },
        { name: 'jobs', unit: '/s' },
      ],
      rows: await measure(jobs),
      notes: [
        'The heap of the edge is what is left after a garbage collection. The others are the resident memory of the processes.',
        `EVENTS keeps events for ${EVENTS_AGE_S} s here: nats-server has a subject in memory for each job whose events it keeps.`,
      ],
    });
  },
};

async function measure(jobs: number): Promise<Row[]> {
  const worker = { WORKER_CONCURRENCY: '100' };
  const { started: stack, workerd } = await withWorkerd(() =>
    startStackOnDisk({ tracing: false, inspect: true, worker }),
  );
  const pids = { workerd, worker: stack.worker.pid, 'nats-server': stack.nats.pid };
  const heap = await openHeap(stack.inspectorUrl ?? '');
  try {
    await keepEventsShortly(stack);
    const rows: Row[] = [];
    for (let step = 1; step <= STEPS; step++) {
      const began = performance.now();
      await submit(stack, jobs / STEPS);
      await untilNoJobIs(['queued'], stack, DRAIN_POLL_MS);
      const seconds = (performance.now() - began) / 1_000;
      const figures: Figures = {
        'heap of the edge': (await heap.used()) / MIB,
        ...Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, residentMib(pid)])),
        jobs: jobs / STEPS / seconds,
      };
      const done = ((jobs / STEPS) * step).toLocaleString('en-US');
      process.stdout.write(`${done} jobs: ${JSON.stringify(figures)}\n`);
      rows.push({ name: `after ${done} jobs`, kind: 'ours', rounds: [figures] });
    }
    return rows;
  } finally {
    heap.close();
    await stack.stop();
  }
}

async function keepEventsShortly({ nats }: Stack): Promise<void> {
  const connection = await connect({ servers: nats.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.update('EVENTS', { max_age: EVENTS_AGE_S * NANOS_PER_S });
  await connection.close();
}

async function submit(stack: Stack, jobs: number): Promise<void> {
  const body = JSON.stringify({ jobs: Array(BATCH).fill({ operation: 'echo', input: 1 }) });
  const init = { method: 'POST', headers: jsonHeaders(stack.apiKey), body };
  let left = jobs;
  const send = async (): Promise<void> => {
    while (left > 0) {
      left -= BATCH;
      const response = await fetch(`${stack.url}/v1/jobs/batch`, init);
      // A batch that is refused as a whole has no results.
      const { results = [] } = (await response.json()) as { results?: { status: number }[] };
      const refused = BATCH - results.filter(({ status }) => status === 202).length;
      // On a machine that is busy with other work, the edge refuses what it cannot store in time.
      left += refused;
      if (refused > 0) await delay(DRAIN_POLL_MS);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, send));
}
