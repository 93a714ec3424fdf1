import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Schedule, type ScheduleRun } from '../../../shared/api/answers/schedule.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { buildClockedEdge, setClock } from '../../support/http/clocked-edge.ts';
import { jobEnded, readJob } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A summer day in the future: the clock of the schedules is the test's own. */
const FROM = Date.parse('2031-06-01T00:00:00Z');

let stack: TestStack;
beforeAll(async () => {
  const [bundle, storageDir] = await Promise.all([buildClockedEdge(), scratchFolder()]);
  const operations = 'test/fixtures/operations';
  stack = await startTestStack({ bundle, storageDir, operationsFolder: operations, tracing: false });
});

const clock = (now: number): Promise<void> => setClock(stack.url, 'demo', now);

async function put(name: string, fields: object): Promise<Response> {
  const body = JSON.stringify({ operation: 'echo', input: name, ...fields });
  const headers = { 'content-type': 'application/json' };
  return await stack.call(`/v1/schedules/${name}`, { method: 'PUT', headers, body });
}

/** The object keeps one clock for all schedules. Without this, it would make their runs when the clock goes on. */
async function removeAll(names: readonly string[]): Promise<void> {
  for (const name of names) await stack.call(`/v1/schedules/${name}`, { method: 'DELETE' });
}

async function read(name: string): Promise<Schedule> {
  return Schedule.parse(await (await stack.call(`/v1/schedules/${name}`)).json());
}

/** The last runs of a schedule, oldest first, as hours from the begin and what became of them. */
async function runsOf(name: string): Promise<[hour: number, became: string][]> {
  const { lastRuns } = await read(name);
  return lastRuns.reverse().map((run) => [(Date.parse(run.scheduledFor) - FROM) / HOUR, wordsOf(run)]);
}

function wordsOf({ outcome, reason, count }: ScheduleRun): string {
  return [outcome, reason, count].filter((part) => part !== undefined).join(' ');
}

describe('an edge that was away for eight hours', () => {
  const POLICIES = ['none', 'last', 'all'] as const;
  beforeAll(async () => {
    await clock(FROM);
    for (const catchUp of POLICIES) await put(catchUp, { cron: '0 * * * *', catchUp });
    await clock(FROM + HOUR);
    await stack.restartEdge();
    await clock(FROM + 9 * HOUR + 10 * MINUTE);
  });

  afterAll(() => removeAll(POLICIES));

  it('made the run before in time, whatever the policy', async () => {
    for (const catchUp of POLICIES) expect((await runsOf(catchUp))[0]).toEqual([1, 'submitted']);
  });

  it('leaves out all missed runs with "none", and says so', async () => {
    expect((await runsOf('none')).slice(1)).toEqual([[9, 'skipped missed 8']]);
  });

  it('makes the last missed run with "last"', async () => {
    expect((await runsOf('last')).slice(1)).toEqual([
      [8, 'skipped missed 7'],
      [9, 'submitted'],
    ]);
  });

  it('makes each missed run with "all", each as a job of its own', async () => {
    expect((await runsOf('all')).slice(1)).toEqual(
      [2, 3, 4, 5, 6, 7, 8, 9].map((hour) => [hour, 'submitted']),
    );
    const ids = (await read('all')).lastRuns.map(({ jobId }) => jobId ?? '');
    expect(new Set(ids).size).toBe(9);
    for (const id of ids)
      expect(await jobEnded(stack, id)).toMatchObject({ state: 'succeeded', result: 'all' });
  });

  it('goes on with the next run, whatever the policy', async () => {
    await clock(FROM + 10 * HOUR);
    for (const catchUp of POLICIES) expect((await runsOf(catchUp)).at(-1)).toEqual([10, 'submitted']);
  });
});

describe('a run while the job of the run before has not ended', () => {
  const hourly = { cron: '0 * * * *', operation: 'test.mode', input: { mode: 'hang' } };
  const START = FROM + 100 * HOUR;
  afterAll(() => removeAll(['skip', 'allow']));

  it('is left out with "skip", and made with "allow"', async () => {
    await clock(START);
    for (const overlap of ['skip', 'allow']) await put(overlap, { ...hourly, overlap });
    await clock(START + HOUR);
    await clock(START + 2 * HOUR);
    expect(await runsOf('allow')).toEqual([
      [101, 'submitted'],
      [102, 'submitted'],
    ]);
    expect(await runsOf('skip')).toEqual([
      [101, 'submitted'],
      [102, 'skipped overlap'],
    ]);
  });

  it('is made again once that job has ended', async () => {
    const first = (await read('skip')).lastRuns.find(({ outcome }) => outcome === 'submitted')?.jobId ?? '';
    await stack.call(`/v1/jobs/${first}`, { method: 'DELETE' });
    await until('the job to end', async () => (await readJob(stack, first)).finishedAt !== undefined);
    await clock(START + 3 * HOUR);
    expect((await runsOf('skip')).at(-1)).toEqual([103, 'submitted']);
  });
});

describe('a schedule in a zone with daylight saving', () => {
  it('runs at the same time of the day before and after the change, and once on the day of it', async () => {
    const day = (text: string) => Date.parse(`${text}T12:00:00Z`);
    await clock(day('2031-10-25'));
    await put('berlin', { cron: '30 2 * * *', timeZone: 'Europe/Berlin' });
    for (const date of ['2031-10-26', '2031-10-27']) await clock(day(date));
    const times = (await read('berlin')).lastRuns.map(({ scheduledFor }) => scheduledFor);
    expect(times).toEqual(['2031-10-27T01:30:00.000Z', '2031-10-26T00:30:00.000Z']);
  });
});
