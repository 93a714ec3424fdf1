/**
 * `node bench/list.ts`: the time of one page of `GET /v1/jobs` when the index knows 1,000 jobs, and when it knows
 * 100,000. The events of the jobs are published into `EVENTS`, and the index reads them from there as always. One run
 * measures both sizes. The number of rows read comes from the index itself (`LOG_LEVEL=debug`).
 */
import { type JetStreamClient, jetstream } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { JobPage } from '../shared/api/answers/job-list.ts';
import type { EventKind, JobEvent } from '../shared/job/event.ts';
import { writeEventHeaders } from '../shared/wire/event-message.ts';
import { writeJson } from '../shared/wire/json-body.ts';
import { eventSubject } from '../shared/wire/subjects.ts';
import { median } from './support/measure.ts';
import { startQuietStack } from './support/stack.ts';

const SIZES = [1_000, 100_000];
const ROUNDS = 200;
const LIMIT = 50;
const PARALLEL = 256;
const START = Date.parse('2026-01-01T00:00:00.000Z');
const ENDS = ['succeeded', 'failed', 'cancelled'] as const satisfies EventKind[];
const OPERATIONS = ['echo', 'http.request', 'image.thumbnail'];
const FILTERS = ['', 'state=failed', 'operation=echo', 'operation=echo&state=failed'];

interface Figure {
  readonly what: string;
  readonly ms: number;
  readonly rows: number;
}

let rowsRead = 0;
const stack = await startQuietStack({
  tracing: false,
  edge: { LOG_LEVEL: 'debug' },
  onLog: (line) => {
    const [, rows] = /"rows_read":([0-9]+)/.exec(line) ?? [];
    if (rows !== undefined) rowsRead = Number(rows);
  },
});
try {
  const nats = await connect({ servers: stack.nats.url });
  const figures: Figure[][] = [];
  for (const [index, size] of SIZES.entries()) {
    const began = performance.now();
    await publishJobs(nats, SIZES[index - 1] ?? 0, size);
    const published = performance.now();
    await untilCaughtUp();
    const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
    process.stdout.write(
      `${size} jobs: published in ${seconds(published - began)} s, in the index ${seconds(performance.now() - published)} s later\n`,
    );
    figures.push(await measure(size));
  }
  await nats.close();
  for (const [row, { what }] of (figures[0] ?? []).entries()) {
    const cells = figures.map((all) => `${all[row]?.ms.toFixed(1)} ms ${all[row]?.rows} rows`.padStart(18));
    process.stdout.write(`${what.padEnd(46)}${cells.join('')}\n`);
  }
} finally {
  await stack.stop();
}

/** Publishes two events for each job: its start, and one of three ends. */
async function publishJobs(nats: NatsConnection, from: number, to: number): Promise<void> {
  const stream = jetstream(nats);
  let next = from;
  const publishNext = async (): Promise<void> => {
    while (next < to) {
      const n = next++;
      await publishEvent(stream, eventOf(n, 'started'));
      await publishEvent(stream, eventOf(n, ENDS[n % ENDS.length] ?? 'failed'));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, publishNext));
}

async function publishEvent(stream: JetStreamClient, event: JobEvent): Promise<void> {
  const messageHeaders = headers();
  const ids = { messageId: `${event.jobId}:${event.kind}`, source: '/throughline/bench' };
  writeEventHeaders(event, ids, {}, (name, value) => messageHeaders.set(name, value));
  const options = { headers: messageHeaders };
  await stream.publish(eventSubject('demo', event.jobId), writeJson(event), options);
}

function eventOf(n: number, kind: EventKind): JobEvent {
  const acceptedAt = new Date(START + n).toISOString();
  return {
    kind,
    jobId: `job-${n}`,
    operation: OPERATIONS[Math.floor(n / ENDS.length) % OPERATIONS.length] ?? '',
    attempt: 1,
    maxAttempts: 5,
    released: 0,
    acceptedAt,
    startedAt: acceptedAt,
    at: acceptedAt,
    worker: 'bench',
    traceId: n.toString(16).padStart(32, '0'),
    spanId: '',
    ...(kind === 'failed' ? { error: { code: 'operation-failed', message: 'on purpose' } } : {}),
  };
}

async function untilCaughtUp(): Promise<void> {
  while (!(await list('')).complete);
}

/** Measures the first page and a page from the middle, for each filter, in turns. */
async function measure(size: number): Promise<Figure[]> {
  const queries = queriesFor(size);
  const times = queries.map((): number[] => []);
  const rows = queries.map(() => 0);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { query }] of queries.entries()) {
      const began = performance.now();
      const { jobs } = await list(query);
      times[index]?.push(performance.now() - began);
      if (jobs.length !== LIMIT) throw new Error(`${query}: ${jobs.length} jobs`);
      rows[index] = Math.max(rows[index] ?? 0, rowsRead);
    }
  }
  return queries.map(({ what }, index) => ({ what, ms: median(times[index] ?? []), rows: rows[index] ?? 0 }));
}

function queriesFor(size: number): { what: string; query: string }[] {
  const middle = Buffer.from(`${START + size / 2}.job`).toString('base64url');
  return FILTERS.flatMap((filter) => {
    const name = filter === '' ? 'no filter' : filter.replace('&', ', ');
    return [
      { what: `${name}, first page`, query: filter },
      { what: `${name}, from the middle`, query: `${filter}&cursor=${middle}` },
    ];
  });
}

async function list(query: string): Promise<JobPage> {
  const response = await fetch(`${stack.url}/v1/jobs?limit=${LIMIT}&${query}`, {
    headers: { authorization: `Bearer ${stack.apiKey}` },
  });
  if (!response.ok) throw new Error(await response.text());
  return JobPage.parse(await response.json());
}
