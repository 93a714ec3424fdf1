import path from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { type Edge, startEdge } from '../../../dev/edge/start.ts';
import { JobPage } from '../../../shared/api/answers/job-list.ts';
import { UsageReport } from '../../../shared/api/usage.ts';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { idsOf, listedJobs } from '../../support/listed-jobs.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';
import { tenants } from '../../support/tenants.ts';

/** One tenant per test, so that no test sees the jobs of another. */
const { callers, API_KEYS } = await tenants('queued', 'bodies', 'lost', 'shards');

let stack: TestStack;
let directory: string;
const { call, submit, list, listed, ended } = listedJobs(callers, () => stack.url);

beforeAll(async () => {
  directory = await scratchFolder();
  stack = await startTestStack({ edge: { API_KEYS } });
});

describe('the index of a new system', () => {
  let own: TestStack;
  beforeAll(async () => {
    own = await startTestStack();
  });

  it('reads the events before anybody asks for a list', async () => {
    await own.run('echo', 1);
    const line = await until('the index to connect by itself', () =>
      own.logs().find(({ service, msg }) => service === 'throughline-index' && msg === 'connected to NATS'),
    );
    expect(line).not.toHaveProperty('trace_id');
  });

  it('answers with the jobs that it knows while NATS is away, and has all of them after its return', async () => {
    const read = async (): Promise<JobPage> => JobPage.parse(await (await own.call('/v1/jobs')).json());
    const before = await own.run('echo', 1);
    expect(await read()).toMatchObject({ jobs: [{ id: before.id, state: 'succeeded' }, {}], complete: true });
    await own.nats.kill('SIGKILL');
    expect(await read()).toMatchObject({
      jobs: [{ id: before.id, state: 'succeeded' }, {}],
      complete: false,
    });
    const meanwhile = Job.parse(await (await own.submit({ operation: 'echo', input: 2 })).json());
    const pending = await until('the job in the outbox to be listed', async () => {
      const { jobs } = await read();
      return jobs.find(({ id }) => id === meanwhile.id);
    });
    expect(pending).toMatchObject({ state: 'queued', durability: 'outbox' });
    await own.nats.restart();
    const after = await until('a job to run again', () => own.run('echo', 2).catch(() => undefined));
    const page = await until('a complete list', async () => {
      const now = await read();
      return now.complete && now;
    });
    expect(idsOf(page)).toContain(after.id);
    expect(idsOf(page)).toContain(meanwhile.id);
    expect(idsOf(page)).toContain(before.id);
  });
});

describe('an index', () => {
  /** Starts one more edge on the shared NATS; the folder `storage` outlives it. */
  async function startOwnEdge(storage: string, settings: Record<string, string> = {}): Promise<Edge> {
    const edge = inject('edge');
    if ('problem' in edge) throw new Error(edge.problem);
    const own = await startEdge({
      bundle: edge,
      port: 0,
      bindings: { NATS_URL: stack.nats.webSocketUrl, API_KEYS, ...settings },
      storageDir: path.join(directory, storage),
      onLog: () => undefined,
    });
    onTestFinished(() => own.stop());
    return own;
  }

  it('goes on where it was when its object starts again, and starts from the beginning when the stream was deleted and made again', async () => {
    const tenant = 'queued';
    const first = await startOwnEdge('restarted');
    // Only the index has it: a job that waits for its time has no event.
    const body = JSON.stringify({ operation: 'echo', input: 1, delay: '1h' });
    const accepted = await call(tenant, `${first.url}/v1/jobs`, { method: 'POST', body });
    const waiting = Job.parse(await accepted.json());
    await listed(tenant, waiting.id, 'queued', first.url);
    await first.stop();

    const { id } = await submit(tenant, { operation: 'echo', input: 2 });
    await ended(tenant, id);
    const running = await startOwnEdge('restarted');
    const page = await list(tenant, '', running.url);
    expect(page).toMatchObject({
      jobs: [
        { id, state: 'succeeded' },
        { id: waiting.id, state: 'queued' },
      ],
      complete: true,
    });

    const nats = await connect({ servers: stack.nats.url });
    onTestFinished(() => nats.close());
    const { streams } = await jetstreamManager(nats);
    const { config } = await streams.info('EVENTS');
    await streams.delete('EVENTS');
    await streams.add(config);
    const next = await submit(tenant, { operation: 'echo', input: 3 });
    await ended(tenant, next.id);
    expect(idsOf(await list(tenant, '', running.url))).toEqual([next.id, id, waiting.id]);
  });

  it('is complete although the last events were deleted', async () => {
    const nats = await connect({ servers: stack.nats.url });
    onTestFinished(() => nats.close());
    const { seq } = await jetstream(nats).publish('events.bodies.gone', 'x');
    await (await jetstreamManager(nats)).streams.deleteMessage('EVENTS', seq);
    expect(await list('bodies')).toMatchObject({ complete: true });
  });

  it('leaves out jobs that NATS has lost when somebody cancels them, so that they do not fill a quota for ever', async () => {
    const tenant = 'lost';
    const used = async (): Promise<unknown> => {
      const { used } = (await (await call(tenant, '/v1/usage')).json()) as { used: Record<string, number> };
      return [used.jobs, used.delayedJobs];
    };
    const lost = await submit(tenant, { operation: 'echo', input: 1, delay: '1h' });
    await listed(tenant, lost.id, 'queued');
    const nats = await connect({ servers: stack.nats.url });
    onTestFinished(() => nats.close());
    const { streams } = await jetstreamManager(nats);
    await streams.purge('DELAYED', { filter: `delayed.*.*.${tenant}.>` });
    const left = await submit(tenant, { operation: 'echo', input: 2, delay: '1h' });
    await listed(tenant, left.id, 'queued');
    expect(await used()).toEqual([2, 2]);

    const cancel = async (): Promise<unknown> =>
      await (await call(tenant, '/v1/jobs/cancel', { method: 'POST', body: '{}' })).json();
    expect(await cancel()).toMatchObject({
      cancelled: [left.id],
      failed: [{ id: lost.id, code: 'job-unknown' }],
    });
    await listed(tenant, left.id, 'cancelled');
    expect(idsOf(await list(tenant))).toEqual([left.id]);
    expect(await used()).toEqual([0, 0]);
    expect(await cancel()).toMatchObject({ cancelled: [], failed: [] });
  });

  it('knows all jobs with events, and what is stored of them, when INDEX_SHARDS changes, and with it the tenants of an index', async () => {
    const tenant = 'shards';
    const stored: number[] = [];
    const { id } = await submit(tenant, { operation: 'echo', input: 1 });
    await ended(tenant, id);
    const lists: string[][] = [];
    for (const INDEX_SHARDS of ['1', '4', '1']) {
      const edge = await startOwnEdge('shards', { INDEX_SHARDS });
      lists.push(idsOf(await list(tenant, '', edge.url)));
      stored.push(
        UsageReport.parse(await (await call(tenant, `${edge.url}/v1/usage`)).json()).used.storedBytes,
      );
      await edge.stop();
      const next = await submit(tenant, { operation: 'echo', input: INDEX_SHARDS });
      await ended(tenant, next.id);
    }
    const all = idsOf(await list(tenant)).toReversed();
    expect(lists.map((seen) => seen.toReversed())).toEqual([
      all.slice(0, 1),
      all.slice(0, 2),
      all.slice(0, 3),
    ]);
    const [ofOne = 0] = stored;
    expect(ofOne).toBeGreaterThan(1_000);
    expect(stored.map((bytes) => Math.round(bytes / ofOne))).toEqual([1, 2, 3]);
  });
});
