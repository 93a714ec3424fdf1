import { beforeAll, describe, expect, it } from 'vitest';
import { Schedule, SchedulePage } from '../../../shared/api/answers/schedule.ts';
import { Job } from '../../../shared/job/job.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const MAKER = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});

const put = (name: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  stack.call(`/v1/schedules/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ operation: 'echo', input: 1, ...body }),
  });
const post = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  stack.call(`/v1/schedules/${path}`, { method: 'POST', headers });
const read = async (name: string): Promise<Schedule> =>
  Schedule.parse(await (await stack.call(`/v1/schedules/${name}`)).json());
const remove = async (name: string): Promise<number> =>
  (await stack.call(`/v1/schedules/${name}`, { method: 'DELETE' })).status;
const jobOf = async (id: string | undefined): Promise<Job> =>
  Job.parse(await (await stack.call(`/v1/jobs/${id}`)).json());

/** Waits until a schedule has made some runs, and deletes it. Newest first. */
async function runsOf(name: string, count: number): Promise<Schedule['lastRuns']> {
  const runs = await until('runs', async () => {
    const { lastRuns } = await read(name);
    return lastRuns.length >= count ? lastRuns : undefined;
  });
  expect(await remove(name)).toBe(204);
  return runs;
}

describe('a schedule', () => {
  it('runs a job at each of its times, each in a trace of its own that is linked to the request that made it', async () => {
    const made = await put('ticks', { every: '1s', tags: ['tick'] }, { traceparent: MAKER, baggage: 'a=1' });
    expect(made.status).toBe(201);
    const { createdAt } = Schedule.parse(await made.json());
    const runs = await runsOf('ticks', 3);
    const times = runs.map(({ scheduledFor }) => Date.parse(scheduledFor) - Date.parse(createdAt));
    expect(times.toReversed()).toEqual(times.map((_, place) => 1_000 * (place + 1)));
    const jobs = await Promise.all(runs.map(({ jobId }) => jobOf(jobId)));
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(runs.length);
    expect(new Set([TRACE_ID, ...jobs.map(({ traceId }) => traceId)]).size).toBe(runs.length + 1);
    for (const job of jobs) {
      expect(job).toMatchObject({ operation: 'echo', tags: ['tick'] });
      await until('the end of the job', async () => (await jobOf(job.id)).state === 'succeeded');
      const [line] = await stack.logged(({ msg, job_id }) => msg === 'run submitted' && job_id === job.id);
      expect(line).toMatchObject({ schedule: 'ticks', trace_id: job.traceId });
      const spans = await stack.collector.waitForSpans(
        job.traceId,
        (some) =>
          some.some((span) => shortName(span) === 'process echo') &&
          some.some(({ name }) => name === 'run schedule'),
        60_000,
      );
      const root = spans.find(({ name }) => name === 'run schedule');
      expect(root?.parentSpanId).toBeUndefined();
      expect(root?.links.map(({ traceId }) => traceId)).toEqual([TRACE_ID]);
    }
  });

  it('is what the last PUT said, and a PUT that says the same changes nothing', async () => {
    const body = {
      cron: '0 6 * * *',
      timeZone: 'Europe/Berlin',
      timeout: '5s',
      callback: { url: 'https://a.example/' },
    };
    const made = Schedule.parse(await (await put('daily', body)).json());
    expect(made).toMatchObject({ ...body, name: 'daily', operation: 'echo', input: 1, lastRuns: [] });
    expect(made.nextRuns).toHaveLength(5);
    const again = await put('daily', body);
    expect(again.status).toBe(200);
    expect(await again.json()).toEqual(made);
    const changed = await put('daily', { ...body, cron: '0 7 * * *' });
    expect(await changed.json()).toMatchObject({ cron: '0 7 * * *', createdAt: made.createdAt });
    expect((await read('daily')).nextRuns[0]).toMatch(/T0[56]:00:00\.000Z$/);
    expect(await remove('daily')).toBe(204);
    expect(await remove('daily')).toBe(404);
  });

  it('makes no runs while it is paused, and those after now once it is resumed', async () => {
    await put('paused', { every: '1s', paused: true });
    expect((await read('paused')).nextRuns).toEqual([]);
    const resumed = Schedule.parse(await (await post('paused/resume')).json());
    const runs = await runsOf('paused', 1);
    expect(Date.parse(runs.at(-1)?.scheduledFor ?? '')).toBeGreaterThan(Date.parse(resumed.updatedAt));
    expect((await post('paused/pause')).status).toBe(404);
  });

  it('runs when it is triggered, once for each idempotency key, although it is paused', async () => {
    await put('by-hand', { cron: '0 0 1 1 *', paused: true });
    const keyed = { 'idempotency-key': 'once', traceparent: MAKER };
    const first = await post('by-hand/trigger', keyed);
    expect(first.status).toBe(202);
    const job = Job.parse(await first.json());
    expect(job.traceId).not.toBe(TRACE_ID);
    const isLine = ({ msg, job_id }: Record<string, unknown>) => msg === 'run submitted' && job_id === job.id;
    expect(await stack.logged(isLine)).toMatchObject([{ trace_id: job.traceId }]);
    const again = await post('by-hand/trigger', keyed);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toMatchObject({ id: job.id });
    const other = Job.parse(await (await post('by-hand/trigger')).json());
    expect(other.id).not.toBe(job.id);
    const runs = await runsOf('by-hand', 2);
    expect(runs.map(({ jobId, triggered }) => [jobId, triggered])).toEqual([
      [other.id, true],
      [job.id, true],
    ]);
  });

  it('takes an idempotency key for one job only: after a change to another job, the key is refused', async () => {
    const keyed = { 'idempotency-key': 'before' };
    await put('reused', { cron: '0 0 1 1 *', input: 'old' });
    const job = Job.parse(await (await post('reused/trigger', keyed)).json());
    await post('reused/pause');
    expect(await (await post('reused/trigger', keyed)).json()).toMatchObject({ id: job.id });
    await put('reused', { cron: '0 0 1 1 *', input: 'new' });
    const answer = await post('reused/trigger', keyed);
    expect(answer.status).toBe(422);
    expect((await problemOf(answer)).code).toBe('idempotency-key-reused');
    const [line] = await stack.logged(({ msg, schedule }) => msg === 'run refused' && schedule === 'reused');
    const isOfRun = ({ name, attributes }: SpanRecord) =>
      name === 'run schedule' && attributes['throughline.refusal'] === 'idempotency-key-reused';
    await stack.collector.waitForSpans(String(line?.trace_id), (some) => some.some(isOfRun), 60_000);
    expect(await remove('reused')).toBe(204);
  });

  it('is refused if its times, its operation or its input do not fit', async () => {
    const refusals = [
      [{ cron: '0 0 31 2 *' }, 400, '/cron'],
      [{ cron: '0 0 * * *', timeZone: 'Mars/Base' }, 400, '/timeZone'],
      [{ every: '1s', delay: '1s' }, 400, '/delay'],
      [{ every: '1s', operation: 'no.such' }, 422, undefined],
      [{ every: '1s', operation: 'http.request', input: {} }, 422, '/url'],
    ] as const;
    for (const [body, status, path] of refusals) {
      const answer = await put('wrong', body);
      expect(answer.status).toBe(status);
      if (path !== undefined) expect((await problemOf(answer)).violations?.[0]?.path).toBe(path);
    }
    expect((await stack.call('/v1/schedules/wrong')).status).toBe(404);
  });
});

describe('the list of schedules', () => {
  it('has them by name, in pages', async () => {
    for (const name of ['list-c', 'list-a', 'list-b']) await put(name, { cron: '0 0 1 1 *' });
    const page = async (query: string) =>
      SchedulePage.parse(await (await stack.call(`/v1/schedules?limit=2${query}`)).json());
    const first = await page('&cursor=YWZ0ZXI6bGlzdA');
    expect(first.schedules.map(({ name }) => name)).toEqual(['list-a', 'list-b']);
    const second = await page(`&cursor=${first.cursor}`);
    expect(second.schedules.map(({ name }) => name)).toEqual(['list-c']);
    expect(second.cursor).toBeUndefined();
  });

  it('refuses a cursor that it did not write', async () => {
    const cursors = [
      ['abc', 400, 'request-invalid'],
      ['list-a', 404, 'cursor-unknown'],
      ['bGlzdC1h', 404, 'cursor-unknown'],
    ] as const;
    for (const [cursor, status, code] of cursors)
      expect(await problemOf(await stack.call(`/v1/schedules?cursor=${cursor}`))).toMatchObject({
        status,
        code,
      });
  });
});
