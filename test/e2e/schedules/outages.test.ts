import { beforeAll, describe, expect, it } from 'vitest';
import { OutboxList } from '../../../shared/api/answers/outbox.ts';
import { Schedule } from '../../../shared/api/answers/schedule.ts';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({
    operationsFolder: 'test/fixtures/operations',
    storageDir: await scratchFolder(),
  });
});

const put = async (name: string, body: object): Promise<void> => {
  const response = await stack.call(`/v1/schedules/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ operation: 'echo', input: 1, ...body }),
  });
  expect(response.status).toBe(201);
};
const runsOf = async (name: string): Promise<Schedule['lastRuns']> =>
  Schedule.parse(await (await stack.call(`/v1/schedules/${name}`)).json()).lastRuns;
const stateOf = async (jobId: string | undefined): Promise<string> =>
  Job.parse(await (await stack.call(`/v1/jobs/${jobId}`)).json()).state;
const untilRuns = (name: string, count: number, outcome = 'submitted'): Promise<unknown> =>
  until(
    `${count} runs`,
    async () => (await runsOf(name)).filter((run) => run.outcome === outcome).length >= count,
  );

describe('a schedule', () => {
  it('goes on after the edge was restarted, and makes each run once', async () => {
    await put('restarts', { every: '1s', catchUp: 'all' });
    for (const count of [1, 3, 6]) {
      await untilRuns('restarts', count);
      await stack.restartEdge();
    }
    await untilRuns('restarts', 10);
    const runs = await runsOf('restarts');
    const times = runs.map(({ scheduledFor }) => Date.parse(scheduledFor));
    expect(times).toEqual(times.map((_, place) => (times[0] ?? 0) - 1_000 * place));
    expect(runs.map(({ outcome }) => outcome)).toEqual(runs.map(() => 'submitted'));
    for (const { jobId } of runs)
      await until('the end of the job', async () => (await stateOf(jobId)) === 'succeeded');
    expect((await stack.call('/v1/schedules/restarts', { method: 'DELETE' })).status).toBe(204);
  });

  it('goes on while NATS is away: its jobs wait in the outbox, and each runs once', async () => {
    await put('away', { every: '1s' });
    await untilRuns('away', 1);
    await stack.nats.kill('SIGKILL');
    const pending = await until('a job in the outbox', async () => {
      const answer = await stack.call('/v1/outbox');
      return answer.ok && OutboxList.parse(await answer.json()).jobs.find(({ id }) => id.startsWith('sr_'));
    });
    await stack.nats.restart();
    await until('the end of the job', async () => (await stateOf(pending.id)) === 'succeeded');
    const runs = await runsOf('away');
    expect(runs.filter(({ jobId }) => jobId === pending.id)).toHaveLength(1);
    expect((await stack.call('/v1/schedules/away', { method: 'DELETE' })).status).toBe(204);
  });

  it('with "overlap": "skip" runs no job while the last one runs', async () => {
    await put('slow', {
      operation: 'test.mode',
      input: { mode: 'hang' },
      every: '1s',
      overlap: 'skip',
    });
    await untilRuns('slow', 1, 'skipped');
    const [skipped, run] = await runsOf('slow');
    expect([skipped?.reason, run?.outcome]).toEqual(['overlap', 'submitted']);
    await stack.call(`/v1/jobs/${run?.jobId}`, { method: 'DELETE' });
    await untilRuns('slow', 2);
    expect((await stack.call('/v1/schedules/slow', { method: 'DELETE' })).status).toBe(204);
  });
});
