import { jetstream } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { CancelReport } from '../../../shared/api/answers/cancel-report.ts';
import { RedriveReport } from '../../../shared/api/answers/dead-letter.ts';
import { pooledRoute } from '../../../shared/wire/lanes.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { type Ended, run } from '../../support/cli/process.ts';
import { deadLetters, idsOf as lettersOf } from '../../support/dead-letters.ts';
import { acceptedIn } from '../../support/http/answers.ts';
import { connectTo } from '../../support/jobs.ts';
import { idsOf, listedJobs } from '../../support/listed-jobs.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';
import { tenants } from '../../support/tenants.ts';

const { callers, API_KEYS } = await tenants('list', 'raw', 'dead', 'cancel', 'others', 'run', 'cli', 'away');
type Tenant = keyof typeof callers;

let stack: TestStack;
const { submit, list, listed } = listedJobs(callers, () => stack.url);
const letters = deadLetters(callers, () => stack.url);

beforeAll(async () => {
  stack = await startTestStack({
    operationsFolder: 'test/fixtures/operations',
    storageDir: await scratchFolder(),
    edge: { API_KEYS, BRIDGE_SHARDS: '3' },
    tracing: false,
  });
});

/** Submits jobs that wait for an hour. @returns their ids */
async function submitLater(
  tenant: Tenant,
  count: number,
  more: Record<string, unknown> = {},
): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const jobs = Array.from({ length: Math.min(100, count - ids.length) }, () => ({
      operation: 'echo',
      input: 1,
      delay: '1h',
      ...more,
    }));
    const response = await letters.post(tenant, '/v1/jobs/batch', { jobs });
    const added = (await acceptedIn(response)).map(({ id }) => id);
    // Each bridge tells the list of its own jobs, so the last job may be listed before the others.
    await until('the jobs to be listed', async () => {
      const listedIds = new Set(idsOf(await list(tenant, '?limit=100')));
      return added.every((id) => listedIds.has(id));
    });
    ids.push(...added);
  }
  return ids;
}

async function cancelPage(tenant: Tenant, body: unknown): Promise<CancelReport> {
  const response = await letters.post(tenant, '/v1/jobs/cancel', body);
  if (response.status !== 200) throw new Error(await response.text());
  return CancelReport.parse(await response.json());
}

/** Cancels page by page. */
async function cancelAll(tenant: Tenant, filter: Record<string, unknown> = {}): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const report = await cancelPage(tenant, { ...filter, cursor });
    expect(report).toMatchObject({ failed: [], complete: true });
    ids.push(...report.cancelled);
    cursor = report.cursor;
  } while (cursor !== undefined);
  return ids;
}

describe('the list of jobs by tag', () => {
  it('shows the jobs that have all the tags, even when they have ended', async () => {
    const blue = await submit('list', { operation: 'echo', input: 1, tags: ['night', 'team:blue'] });
    const red = await submit('list', { operation: 'echo', input: 1, tags: ['night', 'team:red'] });
    await submit('list', { operation: 'echo', input: 1 });
    for (const { id } of [blue, red]) await listed('list', id, 'succeeded');
    expect(idsOf(await list('list', '?tag=night'))).toEqual([red.id, blue.id]);
    expect(idsOf(await list('list', '?tag=night&tag=team:blue&state=succeeded'))).toEqual([blue.id]);
    expect(idsOf(await list('list', '?tag=team:red&tag=team:blue'))).toEqual([]);
    expect(idsOf(await list('others', '?tag=night'))).toEqual([]);
  });

  it('shows those of a producer that publishes to NATS itself', async () => {
    const { priority, lane } = pooledRoute({ tenant: 'raw' });
    const nats = await connectTo(stack);
    const tagged = headers();
    tagged.set('throughline-tags', 'night,raw');
    await jetstream(nats).publish(`jobs.${priority}.${lane}.raw.raw-1.echo`, '1', { headers: tagged });
    await listed('raw', 'raw-1', 'succeeded');
    expect((await list('raw', '?tag=raw')).jobs).toMatchObject([{ id: 'raw-1', tags: ['night', 'raw'] }]);
  });
});

it('dead letters can be listed and redriven by tag', async () => {
  const dead = async (tags: string[]): Promise<string> => {
    const job = await letters.submit('dead', { mode: 'reject' }, { tags });
    await letters.inState('dead', job.id, 'failed');
    return job.id;
  };
  const ids = [await dead(['a', 'b']), await dead(['b']), await dead(['a'])];
  const all = await until('the dead letters', async () => {
    const page = await letters.list('dead');
    return page.deadLetters.length === 3 && page;
  });
  expect(all.deadLetters.map(({ tags }) => tags)).toEqual([['a', 'b'], ['b'], ['a']]);
  expect(lettersOf(await letters.list('dead', '?tag=a'))).toEqual([ids[0], ids[2]]);
  expect(lettersOf(await letters.list('dead', '?tag=b&tag=a'))).toEqual([ids[0]]);
  expect(lettersOf(await letters.list('dead', '?tag=c'))).toEqual([]);
  const redrive = await letters.post('dead', '/v1/dead-letters/redrive', { tags: ['a'] });
  expect(RedriveReport.parse(await redrive.json())).toEqual({ redriven: [ids[0], ids[2]], failed: [] });
});

describe('cancelling many', () => {
  it('cancels those that the filter selects, page by page, and no others; then cancels the whole queue', async () => {
    const night = await submitLater('cancel', 150, { tags: ['night', 'x'] });
    const day = await submitLater('cancel', 120, { tags: ['day'] });
    const theirs = await submitLater('others', 5, { tags: ['night'] });
    expect((await cancelAll('cancel', { tags: ['x', 'night'], state: 'queued' })).toSorted()).toEqual(
      night.toSorted(),
    );
    expect(idsOf(await list('cancel', '?state=queued&limit=100'))).toHaveLength(100);
    expect(await cancelAll('cancel', { operation: 'no.such' })).toEqual([]);
    expect((await cancelAll('cancel')).toSorted()).toEqual(day.toSorted());
    expect(idsOf(await list('cancel', '?state=queued'))).toEqual([]);
    expect(idsOf(await list('cancel', '?state=cancelled&limit=100'))).toHaveLength(100);
    expect(idsOf(await list('others', '?state=queued')).toSorted()).toEqual(theirs.toSorted());
    expect(await cancelAll('cancel')).toEqual([]);
  });

  it('leaves out jobs that were accepted after the first request', async () => {
    const first = await submitLater('others', 3, { tags: ['late'] });
    const page = await cancelPage('others', { tags: ['late'], limit: 1 });
    const [later = ''] = await submitLater('others', 1, { tags: ['late'] });
    const rest = await cancelPage('others', { tags: ['late'], cursor: page.cursor });
    expect([...page.cancelled, ...rest.cancelled].toSorted()).toEqual(first.toSorted());
    expect(idsOf(await list('others', '?tag=late&state=queued'))).toEqual([later]);
  });

  it('asks the workers of jobs that run to stop them', async () => {
    const job = await letters.submit('run', { mode: 'hang' }, { tags: ['hangs'] });
    await letters.inState('run', job.id, 'running');
    await listed('run', job.id, 'running');
    // A worker that ends the job before the answer makes it `cancelled`.
    const { cancelled, stopping, failed } = await cancelPage('run', { tags: ['hangs'] });
    expect({ ids: [...cancelled, ...stopping], failed }).toEqual({ ids: [job.id], failed: [] });
    await letters.inState('run', job.id, 'cancelled');
  });

  it('is a command too, which asks for --all', async () => {
    const cli = (...args: string[]): Promise<Ended> =>
      run({ url: stack.url, apiKey: callers.cli.key }, ['cancel', ...args]);
    const ids = await submitLater('cli', 3, { tags: ['night'] });
    await submitLater('cli', 1);
    const done = await cli('--all', '--yes', '--tag', 'night', '--json');
    expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: '' });
    const { cancelled } = JSON.parse(done.stdout) as CancelReport;
    expect(cancelled.toSorted()).toEqual(ids.toSorted());
    for (const wrong of [[], ['job-1', '--all'], ['job-1', '--tag', 'night'], ['--all', '--wait']])
      expect((await cli(...wrong)).code).toBe(2);
    expect(await cli('--all', '--yes')).toMatchObject({ code: 0, stdout: '1 cancelled, 0 told to end\n' });
  });

  it('cancels jobs in the outbox while NATS is away; for jobs that NATS has, it must be sent again', async () => {
    const atNats = await submitLater('away', 2, { tags: ['at-nats'] });
    await stack.nats.kill('SIGKILL');
    await until('the edge to notice', async () => (await stack.call('/readyz')).status === 503);
    const job = { operation: 'echo', input: 1, tags: ['outbox'] };
    const pending = [await submit('away', job), await submit('away', job)].map(({ id }) => id);
    await until('them to be listed', async () => idsOf(await list('away', '?tag=outbox')).length === 2);
    const report = await cancelPage('away', { tags: ['outbox'] });
    expect(report).toMatchObject({ stopping: [], failed: [], complete: false });
    expect(report.cancelled.toSorted()).toEqual(pending.toSorted());
    const refused = await letters.post('away', '/v1/jobs/cancel', { tags: ['at-nats'] });
    expect(await problemOf(refused)).toMatchObject({ code: 'broker-unavailable' });
    await stack.nats.restart();
    await until('NATS to be back', async () => (await stack.call('/readyz')).status === 200);
    expect((await cancelAll('away')).toSorted()).toEqual(atNats.toSorted());
  });
});
