import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DeadLetterPage, RedriveReport } from '../../../shared/api/answers/dead-letter.ts';
import { isTerminalEvent, type JobEvent } from '../../../shared/job/event.ts';
import type { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { acceptedIn, bodyOf } from '../../support/http/answers.ts';
import { untilQueueEmpty } from '../../support/jobs.ts';
import { eventsByJob } from '../../support/nats/stored.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const JOBS = 1_000;
const BATCH = 100;
const MAX_ATTEMPTS = 3;
const SEED = 20_260_101;

let stack: TestStack;
let nats: NatsConnection;
let directory: string;
beforeAll(async () => {
  directory = await scratchFolder();
  stack = await startTestStack({
    operationsFolder: 'test/fixtures/operations',
    worker: { WORKER_CONCURRENCY: '50' },
    edge: { LOG_LEVEL: 'error' },
    tracing: false,
  });
  nats = await connect({ servers: stack.nats.url });
});
afterAll(() => nats.close());

/** How many attempts of each job fail: 0 to 5, the same in every run (mulberry32). */
function fates(): number[] {
  let state = SEED;
  return Array.from({ length: JOBS }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % 6;
  });
}

async function submitAll(failures: readonly number[], mended: string): Promise<Job[]> {
  const jobs: Job[] = [];
  for (let start = 0; start < failures.length; start += BATCH) {
    const inputs = failures.slice(start, start + BATCH).map((count) => ({ failures: count, mended }));
    const response = await stack.call('/v1/jobs/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jobs: inputs.map((input) => ({ operation: 'test.dice', input })) }),
    });
    jobs.push(...(await acceptedIn(response)));
  }
  return jobs;
}

it('1,000 jobs that fail at random end once each; the dead are redriven, and end too', async () => {
  const failures = fates();
  const mended = path.join(directory, 'mended');
  const jobs = await submitAll(failures, mended);
  await untilQueueEmpty(nats);

  const events = await eventsByJob(nats);
  for (const [index, job] of jobs.entries()) {
    const failing = failures[index] ?? 0;
    const history = events.get(job.id) ?? [];
    const attempts = Math.min(failing + 1, MAX_ATTEMPTS);
    const started = history.filter(({ kind }) => kind === 'started');
    expect(started.map(({ attempt }) => attempt)).toEqual(Array.from({ length: attempts }, (_, n) => n + 1));
    expect(history.filter(isTerminalEvent).map(({ kind }) => kind)).toEqual([
      failing < MAX_ATTEMPTS ? 'succeeded' : 'failed',
    ]);
    expect(isTerminalEvent(history.at(-1) ?? ({} as JobEvent))).toBe(true);
    expect(new Set(history.map(({ traceId }) => traceId))).toEqual(new Set([job.traceId]));
  }

  const mustBeDead = jobs.filter((_, index) => (failures[index] ?? 0) >= MAX_ATTEMPTS).map(({ id }) => id);
  expect((await allDeadLetters()).sort()).toEqual(mustBeDead.sort());

  await writeFile(mended, '');
  expect((await redriveAll()).sort()).toEqual(mustBeDead);
  await untilQueueEmpty(nats);
  expect(await allDeadLetters()).toEqual([]);
  const after = await eventsByJob(nats);
  for (const id of mustBeDead) {
    expect((after.get(id) ?? []).filter(isTerminalEvent).map(({ kind }) => kind)).toEqual([
      'failed',
      'succeeded',
    ]);
  }
});

async function allDeadLetters(): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? '' : `&cursor=${cursor}`;
    const page = await bodyOf(DeadLetterPage, stack.call(`/v1/dead-letters?limit=100${query}`));
    ids.push(...page.deadLetters.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return ids;
}

async function redriveAll(): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const response = await stack.call('/v1/dead-letters/redrive', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        operation: 'test.dice',
        limit: 100,
        ...(cursor === undefined ? {} : { cursor }),
      }),
    });
    const report = await bodyOf(RedriveReport, response);
    expect(report.failed).toEqual([]);
    ids.push(...report.redriven);
    cursor = report.cursor;
  } while (cursor !== undefined);
  return ids;
}
