/**
 * `node bench/list.ts`: what a page of `GET /v1/jobs` costs when the index knows 1,000 jobs, and when it knows
 * 100,000. The events of those jobs are published into `EVENTS`, and the index follows them as it always does. The
 * two sizes are measured in one run; rows read are the index's own count (`LOG_LEVEL=debug`).
 */
import { jetstream } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { startStack } from '../dev/stack.ts';
import { JobPage } from '../shared/api/job-list.ts';
import type { EventKind, JobEvent } from '../shared/job/event.ts';
import { writeEventHeaders } from '../shared/wire/event-message.ts';
import { writeJson } from '../shared/wire/json-body.ts';
import { eventSubject } from '../shared/wire/subjects.ts';

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
const stack = await startStack({
  ports: { http: 0, nats: 0, natsWebSocket: 0, otlp: 0 },
  tracing: false,
  edge: { LOG_LEVEL: 'debug' },
  onLog: (line) => {
    const [, rows] = /"rows_read":([0-9]+)/.exec(line) ?? [];
    if (rows !== undefined) rowsRead = Number(rows);
  },
  onStep: () => undefined,
});
try {
  const nats = await connect({ servers: stack.nats.url });
  const figures: Figure[][] = [];
  for (const [index, size] of SIZES.entries()) {
    const began = performance.now();
    await publishJobs(nats, SIZES[index - 1] ?? 0, size);
    const published = performance.now();
    await caughtUp();
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

/** Two events for each job: it begins, and ends in one of three ways. */
async function publishJobs(nats: NatsConnection, from: number, to: number): Promise<void> {
  const stream = jetstream(nats);
  let next = from;
  const publishNext = async (): Promise<void> => {
    while (next < to) {
      const n = next++;
      for (const kind of ['started', ENDS[n % ENDS.length] ?? 'failed'] as const) {
        const event = eventOf(n, kind);
        const messageHeaders = headers();
        const ids = { messageId: `${event.jobId}:${kind}`, source: '/throughline/bench' };
        writeEventHeaders(event, ids, {}, (name, value) => messageHeaders.set(name, value));
        await stream.publish(eventSubject('demo', event.jobId), writeJson(event), {
          headers: messageHeaders,
        });
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, publishNext));
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

async function caughtUp(): Promise<void> {
  while (!(await list('')).complete);
}

/** The first page and one from the middle, for each filter, in turns. */
async function measure(size: number): Promise<Figure[]> {
  const queries = FILTERS.flatMap((filter) => {
    const middle = Buffer.from(`${START + size / 2}.job`).toString('base64url');
    const name = filter === '' ? 'no filter' : filter.replace('&', ', ');
    return [
      { what: `${name}, first page`, query: filter },
      { what: `${name}, from the middle`, query: `${filter}&cursor=${middle}` },
    ];
  });
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

async function list(query: string): Promise<JobPage> {
  const response = await fetch(`${stack.url}/v1/jobs?limit=${LIMIT}&${query}`, {
    headers: { authorization: `Bearer ${stack.apiKey}` },
  });
  if (!response.ok) throw new Error(await response.text());
  return JobPage.parse(await response.json());
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
