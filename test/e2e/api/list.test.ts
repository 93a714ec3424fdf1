import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { JobPage, JobSummary } from '../../../shared/api/answers/job-list.ts';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { type Ended, run } from '../../support/cli/process.ts';
import { acceptedIn } from '../../support/http/answers.ts';
import { idsOf, listedJobs } from '../../support/listed-jobs.ts';
import { jobEvent } from '../../support/nats/job-event.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';
import { tenants } from '../../support/tenants.ts';

/** One tenant per test, so that no test sees the jobs of another. */
const { callers, API_KEYS } = await tenants(
  'filters',
  'pages',
  'theirs',
  'redriven',
  'raw',
  'older',
  'refused',
  'bodies',
  'cli',
);
type Tenant = keyof typeof callers;

let stack: TestStack;
let directory: string;
const { call, submit, list, listed, ended } = listedJobs(callers, () => stack.url);

beforeAll(async () => {
  directory = await scratchFolder();
  stack = await startTestStack({
    operationsFolder: 'test/fixtures/operations',
    edge: { API_KEYS, LOG_LEVEL: 'debug' },
    worker: { WORKER_CONCURRENCY: '64' },
  });
});

async function submitMany(tenant: Tenant, count: number): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_, input) => ({ operation: 'echo', input }));
  const response = await call(tenant, '/v1/jobs/batch', { method: 'POST', body: JSON.stringify({ jobs }) });
  expect(response.status).toBe(207);
  return (await acceptedIn(response)).map(({ id }) => id);
}

async function all(tenant: Tenant, query = ''): Promise<JobSummary[]> {
  const jobs: JobSummary[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(tenant, `?limit=30${query}${cursor === undefined ? '' : `&cursor=${cursor}`}`);
    jobs.push(...page.jobs);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return jobs;
}

describe('the list of jobs', () => {
  it('shows each job in its current state, newest first, by state and by operation', async () => {
    const tenant = 'filters';
    const echoed = await submit(tenant, { operation: 'echo', input: { large: 'x'.repeat(1_000) } });
    const failed = await submit(tenant, { operation: 'test.mode', input: { mode: 'reject' } });
    const later = await submit(tenant, { operation: 'echo', input: 1, delay: '1h' });
    const done = await ended(tenant, echoed.id);
    const dead = await ended(tenant, failed.id);
    await listed(tenant, later.id, 'queued');

    const page = await list(tenant);
    expect(page).toEqual({
      jobs: [
        later,
        {
          ...withoutBulk(dead),
          error: { code: dead.error?.code },
        },
        withoutBulk(done),
      ],
      complete: true,
    });
    expect(idsOf(await list(tenant, '?state=queued'))).toEqual([later.id]);
    expect(idsOf(await list(tenant, '?state=failed'))).toEqual([failed.id]);
    expect(idsOf(await list(tenant, '?operation=echo'))).toEqual([later.id, echoed.id]);
    expect(idsOf(await list(tenant, '?operation=echo&state=succeeded'))).toEqual([echoed.id]);
    expect(idsOf(await list(tenant, '?operation=test'))).toEqual([]);

    await call(tenant, `/v1/jobs/${later.id}`, { method: 'DELETE' });
    const [cancelled] = (await list(tenant, '?state=cancelled')).jobs;
    expect(cancelled).toMatchObject({
      id: later.id,
      traceId: later.traceId,
      error: { code: 'job-cancelled' },
    });
  });

  it('gives each of 250 jobs once, page by page, while new ones come in', async () => {
    const tenant = 'pages';
    const ids: string[] = [];
    for (let batch = 0; batch < 5; batch++) ids.push(...(await submitMany(tenant, 50)));
    await until('all to have ended', async () => (await all(tenant, '&state=succeeded')).length === 250);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(tenant, `?limit=40${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      expect(page.complete).toBe(true);
      seen.push(...idsOf(page));
      cursor = page.cursor;
      await submitMany(tenant, 5);
    } while (cursor !== undefined);
    expect(seen).toHaveLength(250);
    expect(new Set(seen)).toEqual(new Set(ids));
    const fullPages = await stack.logged(({ msg, jobs }) => msg === 'jobs listed' && jobs === 40, 6);
    // Each job is found and read twice, and so is one of each state and operation.
    for (const { rows_read } of fullPages) expect(rows_read).toBeLessThanOrEqual(7 * 41 + 4 * 6 * 3);
    const times = (await all(tenant)).map(({ acceptedAt }) => acceptedAt);
    expect(times).toEqual(times.toSorted().reverse());
    expect(await list('theirs')).toEqual({ jobs: [], complete: true });
  });

  it('shows a redriven job as queued, and then as it ended', async () => {
    const tenant = 'redriven';
    const gate = path.join(directory, 'gate');
    await writeFile(gate, '');
    const job = await submit(tenant, {
      operation: 'test.mode',
      input: { mode: 'fail-while', gate, effects: `${gate}.effects` },
      maxAttempts: 1,
    });
    await ended(tenant, job.id);
    expect(idsOf(await list(tenant, '?state=failed'))).toEqual([job.id]);
    await stack.worker.stop();
    await rm(gate);
    const redrive = await call(tenant, `/v1/dead-letters/${job.id}/redrive`, { method: 'POST' });
    const again = Job.parse(await redrive.json());
    const { jobs } = await list(tenant);
    expect(jobs).toEqual([
      {
        ...withoutBulk(again),
        state: 'queued',
        attempt: 0,
        acceptedAt: job.acceptedAt,
        previousTraceIds: [job.traceId],
      },
    ]);
    await stack.addWorker();
    expect(await listed(tenant, job.id, 'succeeded')).toMatchObject({
      attempt: 1,
      traceId: again.traceId,
      previousTraceIds: [job.traceId],
    });
    expect(idsOf(await list(tenant, '?state=failed'))).toEqual([]);
  });

  it('shows jobs that no bridge has published, and reads the body of an event without headers', async () => {
    const nats = await connect({ servers: stack.nats.url });
    onTestFinished(() => nats.close());
    await jetstream(nats).publish('jobs.normal.p1.raw.raw-1.echo', '{"n":1}');
    expect(await listed('raw', 'raw-1', 'succeeded')).toMatchObject({ operation: 'echo', attempt: 1 });

    const error = { code: 'out-of-memory', message: 'it was too large' };
    const event = jobEvent('failed', { jobId: 'old-1', operation: 'image.thumbnail', error });
    const plain = headers();
    plain.set('ce-type', 'dev.throughline.job.failed');
    await jetstream(nats).publish('events.bodies.old-1', JSON.stringify(event), { headers: plain });
    await jetstream(nats).publish('events.bodies.old-2', 'this is no event');
    expect((await list('bodies')).jobs).toMatchObject([
      { id: 'old-1', state: 'failed', operation: 'image.thumbnail', error: { code: 'out-of-memory' } },
    ]);
  });

  it('is not changed by an event that is older than the state it shows', async () => {
    const tenant = 'older';
    const { id } = await submit(tenant, { operation: 'echo', input: 1 });
    const job = await ended(tenant, id);
    const nats = await connect({ servers: stack.nats.url });
    onTestFinished(() => nats.close());
    const late = { ...withoutBulk(job), kind: 'started', jobId: id, released: 0, at: job.acceptedAt };
    const event = { ...late, worker: 'slow', spanId: '' };
    await jetstream(nats).publish(`events.${tenant}.${id}`, JSON.stringify(event));
    expect(await list(tenant)).toMatchObject({ jobs: [{ id, state: 'succeeded' }], complete: true });
  });

  it.each([
    '?limit=0',
    '?limit=101',
    '?limit=x',
    '?state=done',
    '?state=queued&state=failed',
    '?operation=A',
    '?opertion=echo',
    '?cursor=',
    '?cursor=x',
    `?cursor=${btoa('1.a b')}`,
    `?cursor=${btoa("1.a' OR 1=1")}`,
  ])('refuses %s', async (query) => {
    const response = await call('refused', `/v1/jobs${query}`);
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ code: 'request-invalid' });
  });

  it('names the states when one is unknown', async () => {
    const problem = await problemOf(await call('refused', '/v1/jobs?state=done'));
    expect(problem.violations).toEqual([
      { path: '/state', message: 'must be one of queued, running, retrying, succeeded, failed, cancelled' },
    ]);
  });
});

describe('throughline list', () => {
  /** Runs the command line as a tenant. */
  function cli(tenant: Tenant, ...args: string[]): Promise<Ended> {
    return run({ url: stack.url, apiKey: callers[tenant].key }, ['list', ...args]);
  }

  it('prints a table for people, and a page or a line for each job for scripts', async () => {
    const tenant = 'cli';
    const failed = await submit(tenant, { operation: 'test.mode', input: { mode: 'reject' } });
    await ended(tenant, failed.id);
    const many = [...(await submitMany(tenant, 60)), ...(await submitMany(tenant, 60))];
    await until('all to have ended', async () => (await all(tenant, '&state=succeeded')).length === 120);

    const table = await cli(tenant, '--state', 'failed');
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table.stdout).toMatch(
      new RegExp(`^[0-9TZ:.-]+  ${failed.id}  test\\.mode  failed  1/3  operation-rejected\\n$`),
    );
    const page = await cli(tenant, '--limit', '2', '--json');
    expect(page).toMatchObject({ code: 0, stderr: '' });
    const first = JobPage.parse(JSON.parse(page.stdout));
    expect(first.jobs).toHaveLength(2);
    const rest = await cli(tenant, '--limit', '2', '--cursor', first.cursor ?? '', '--json');
    expect(idsOf(JobPage.parse(JSON.parse(rest.stdout)))).not.toContain(first.jobs[1]?.id);

    const lines = await cli(tenant, '--all', '--operation', 'echo', '--json');
    const ids = lines.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JobSummary.parse(JSON.parse(line)).id);
    expect(ids.toSorted()).toEqual(many.toSorted());
  });

  it.each([[['--state', 'done']], [['--limit', '0']], [['--all', '--limit', '5']], [['--cursor', 'x']]])(
    'ends with exit code 2 for %j',
    async (args) => {
      expect(await cli('cli', ...args)).toMatchObject({ code: 2, stdout: '' });
    },
  );
});

function withoutBulk({ attempts: _, result: __, progress: ___, ...job }: Job): Omit<Job, 'result'> {
  return job;
}
