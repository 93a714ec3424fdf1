import { jetstreamManager } from '@nats-io/jetstream';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { CancelReport } from '../../../shared/api/answers/cancel-report.ts';
import { StreamRoom } from '../../../shared/api/answers/health.ts';
import { Job } from '../../../shared/job/job.ts';
import { runLocal } from '../../support/cli/process.ts';
import { bridgesOf, resultsOf } from '../../support/http/answers.ts';
import { metricOf } from '../../support/http/metrics.ts';
import { connectTo } from '../../support/jobs.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { problemOf, type TestStack, withTestStack } from '../../support/stack.ts';

const STORE = 100_000_000;
const JOBS_CAP = STORE * 0.4;
const DELAYED_CAP = STORE * 0.25;
const LARGE = { operation: 'echo', input: 'x'.repeat(262_000), tags: ['large'] };
const BATCH = 16;

let nats: NatsServer;
beforeEach(async () => {
  nats = await startTestNats({ jetStreamConfig: `max_file_store: ${STORE}` });
  onTestFinished(() => nats.stop());
});

const startStack = (): Promise<TestStack> =>
  withTestStack({ nats, worker: { STREAM_STORE_BYTES: String(STORE) } });

interface Filled {
  /** The ids of the jobs that were accepted. */
  readonly ids: string[];
  /** How many of them NATS stored at once: a machine that is too slow to ask NATS in time sends the others to the outbox. */
  readonly stored: number;
  /** The codes of the refusals. */
  readonly codes: Set<string>;
}

/** Submits large jobs until one is refused. */
async function fill(stack: TestStack, more = {}): Promise<Filled> {
  const ids: string[] = [];
  let stored = 0;
  const codes = new Set<string>();
  // In batches: as many as would fill the whole store.
  for (let n = 0; n < STORE / 262_000 / BATCH && codes.size === 0; n++) {
    const jobs = Array(BATCH).fill({ ...LARGE, ...more });
    const response = await stack.call('/v1/jobs/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jobs }),
    });
    for (const result of await resultsOf(response)) {
      if ('problem' in result) codes.add(result.problem.code);
      else {
        ids.push(result.job.id);
        if (result.job.durability === 'stream') stored++;
      }
    }
  }
  return { ids, stored, codes };
}

async function accepted(stack: TestStack, body: unknown): Promise<Job> {
  const response = await stack.submit(body);
  expect(response.status).toBe(202);
  return Job.parse(await response.json());
}

const succeeded = (stack: TestStack, { id }: Job): Promise<Job> =>
  until(`job ${id} to succeed`, async () => {
    const job = Job.parse(await (await stack.call(`/v1/jobs/${id}`)).json());
    return job.state === 'succeeded' && job;
  });

async function cancel(stack: TestStack, id: string): Promise<void> {
  const response = await stack.call(`/v1/jobs/${id}`, { method: 'DELETE' });
  expect([id, Job.parse(await response.json()).state]).toEqual([id, 'cancelled']);
}

/** Cancels all large jobs, by their tag. @returns their ids */
async function cancelAll(stack: TestStack): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const response = await stack.call('/v1/jobs/cancel', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ tags: ['large'], cursor }),
    });
    const report = CancelReport.parse(await response.json());
    expect(report).toMatchObject({ stopping: [], failed: [], complete: true });
    ids.push(...report.cancelled);
    cursor = report.cursor;
  } while (cursor !== undefined);
  return ids;
}

const roomOf = async (stack: TestStack, what: 'queue' | 'delayed'): Promise<StreamRoom> => {
  const [bridge] = await bridgesOf(stack);
  return StreamRoom.parse(bridge?.[what]);
};

describe('in a store that is capped', () => {
  it('N15: delayed jobs take their part and no more: all else goes on, and room comes back', async () => {
    const stack = await startStack();
    const early = await accepted(stack, { operation: 'echo', input: 'early', delay: '2s' });
    const { ids, stored, codes } = await fill(stack, { delay: '30d' });
    expect([...codes]).toEqual(['stream-full']);
    expect(stored * 262_000).toBeLessThan(DELAYED_CAP);
    const refused = await stack.submit({ ...LARGE, delay: '30d' });
    expect(refused.headers.get('retry-after')).toBe('60');
    expect(await problemOf(refused)).toMatchObject({ status: 503, code: 'stream-full' });
    // What waits for its time, and what does not wait, runs.
    await succeeded(stack, early);
    expect(await stack.run('echo', 'now')).toMatchObject({ state: 'succeeded' });
    const { bytes, maxBytes } = await roomOf(stack, 'delayed');
    expect(maxBytes).toBe(DELAYED_CAP);
    expect(bytes).toBeGreaterThan(DELAYED_CAP - 2 * 263_000);
    expect(await metricOf(stack.url, 'throughline_bridge_delayed_max_bytes')).toBe(DELAYED_CAP);
    const { healthUrl } = stack.worker;
    expect(await metricOf(healthUrl, 'throughline_stream_max_bytes', 'stream="DELAYED"')).toBe(DELAYED_CAP);
    for (const id of ids.slice(0, 4)) await cancel(stack, id);
    await until('room', async () => (await stack.submit({ ...LARGE, delay: '30d' })).status === 202);
  });

  it('N15: a full queue refuses jobs and can be cancelled empty, and a job that is due then runs', async () => {
    const stack = await startStack();
    await stack.worker.stop();
    const { ids, codes } = await fill(stack);
    expect([...codes]).toEqual(['stream-full']);
    const due = await accepted(stack, { operation: 'echo', input: 'due', delay: '1s' });
    const dueBy = Date.now() + 1_000;
    expect(await roomOf(stack, 'queue')).toMatchObject({ maxBytes: JOBS_CAP });
    const isDue = async () => Date.now() > dueBy && (await roomOf(stack, 'delayed')).bytes > 0;
    await until('the job to be due, without room in the queue', isDue);
    const cancelled: string[] = [];
    // The index lists a job a moment after it was accepted.
    await until('all of them to be cancelled', async () => {
      cancelled.push(...(await cancelAll(stack)));
      return cancelled.length >= ids.length;
    });
    expect(cancelled.toSorted()).toEqual(ids.toSorted());
    await stack.addWorker();
    await succeeded(stack, due);
    expect(await stack.run('echo', 'now')).toMatchObject({ state: 'succeeded' });
  });
});

describe('throughline setup', () => {
  const setup = async (args: string[], settings = {}): Promise<{ ok: boolean; found: string[][] }> => {
    const { stdout } = await runLocal(['setup', '--json', ...args], { NATS_URL: nats.url, ...settings });
    const { ok, streams } = JSON.parse(stdout) as {
      ok: boolean;
      streams: { findings: { of: string; setting: string; level: string }[] }[];
    };
    const findings = streams.flatMap((stream) => stream.findings);
    return { ok, found: findings.map(({ of, setting, level }) => [of, setting, level]) };
  };
  const MISSING = [
    ['stream DELAYED', 'metadata', 'weakens'],
    ['stream JOBS', 'max_bytes', 'weakens'],
  ];

  it('finds missing caps, sets them, and changes them with the settings', async () => {
    expect(await setup([])).toEqual({ ok: true, found: MISSING });
    expect(await setup(['--check'])).toEqual({ ok: true, found: MISSING });
    const store = { STREAM_STORE_BYTES: String(STORE) };
    const [delayed, ...others] = MISSING;
    const all = [delayed, ...others, ['stream EVENTS', 'metadata', 'weakens']];
    expect(await setup(['--check'], store)).toEqual({ ok: true, found: all });
    expect(await setup([], store)).toEqual({ ok: true, found: [] });
    expect(await setup(['--check'])).toEqual({ ok: true, found: [] });
    const other = { STREAM_JOBS_BYTES: '1000000', STREAM_DELAYED_BYTES: '2000000' };
    expect(await setup(['--check'], other)).toEqual({ ok: true, found: MISSING });
    expect(await setup([], other)).toEqual({ ok: true, found: [] });
  });
});

it('a worker that starts while a bucket has no room says which, and why', async () => {
  const stack = await startStack();
  const manager = await jetstreamManager(await connectTo(stack));
  await manager.streams.update('KV_HOSTS', { max_bytes: 10 });
  await expect(stack.addWorker()).rejects.toThrow(
    'NATS does not store what the host can run, in the buckets HOSTS and OPERATIONS: maximum bytes exceeded (broker-unavailable)',
  );
});
