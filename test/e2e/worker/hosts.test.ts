import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type KvEntry, Kvm } from '@nats-io/kv';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startWorkerProcess, type WorkerProcess } from '../../../dev/worker/start.ts';
import { JobPage, type JobSummary } from '../../../shared/api/answers/job-list.ts';
import { OperationList } from '../../../shared/api/answers/operation-list.ts';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { metricOf } from '../../support/http/metrics.ts';
import { connectTo, jobEnded, listedOperation, readJob, submitJob, untilHosts } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

/** An announcement lasts three times as long: a host that this machine starves for less keeps it. */
const RENEW_MS = 1_000;
/** An announcement that is renewed so seldom lasts longer than `until` waits. */
const LASTING_MS = '30000';
const WORKER = { WORKER_ANNOUNCE_MS: String(RENEW_MS), WORKER_STOP_TIMEOUT_MS: '500' };
const OPTIONS = { operationsFolder: 'test/fixtures/operations', worker: WORKER, tracing: false };

/** An operation whose file sends its process the signal again that it got. It ends when that would have counted as a second one. */
const SENDS_AGAIN = `
  import { defineOperation } from 'throughline/worker';
  const { kill, pid } = process;
  const sent = Promise.withResolvers();
  process.once('SIGTERM', () => {
    const began = performance.now();
    setInterval(() => {
      kill(pid, 'SIGTERM');
      if (performance.now() - began > 1_500) sent.resolve();
    }, 100).unref();
  });
  const input = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
  export default defineOperation({ name: 'test.again', input, run: () => sent.promise });
`;

async function listed(stack: TestStack, id: string): Promise<JobSummary | undefined> {
  const { jobs } = JobPage.parse(await (await stack.call('/v1/jobs')).json());
  return jobs.find((job) => job.id === id);
}

describe('an announcement', () => {
  it('counts hosts, and ends when its host stops or dies', async () => {
    const stack = await withTestStack(OPTIONS);
    // Its announcement would outlast the test.
    const lasting = { WORKER_NAME: 'host 2.example/é', WORKER_ANNOUNCE_MS: LASTING_MS };
    const second = await stack.addWorker(lasting);
    const third = await stack.addWorker({ WORKER_NAME: 'third' });
    await untilHosts(stack, 3);
    const { since = '' } = (await listedOperation(stack, 'echo')) ?? {};
    expect(Date.now() - Date.parse(since)).toBeLessThan(60_000);
    await second.stop();
    await untilHosts(stack, 2);
    await third.kill('SIGKILL');
    await untilHosts(stack, 1);
    await stack.worker.stop();
    await untilHosts(stack, 0);
    expect(await listedOperation(stack, 'echo')).not.toHaveProperty('since');
    expect(await metricOf(stack.url, 'throughline_bridge_worker_hosts')).toBe(0);
  });

  it('counts for each of two hosts with one name, and stays when the other stops', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { ...WORKER, WORKER_NAME: 'twin' } });
    const twin = await stack.addWorker({ WORKER_NAME: 'twin' });
    await untilHosts(stack, 2);
    await twin.stop();
    await untilHosts(stack, 1);
    const seen = new Set<number | undefined>();
    const afterRenewals = Date.now() + 4 * RENEW_MS;
    await until('a few renewals', async () => {
      seen.add((await listedOperation(stack, 'echo'))?.hosts);
      return Date.now() > afterRenewals;
    });
    expect([...seen]).toEqual([1]);
  });

  it('names only the operations that the group of its host takes', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { ...WORKER, WORKER_OPERATIONS: 'test.>' } });
    const { operations } = OperationList.parse(await (await stack.call('/v1/operations')).json());
    expect(operations.map(({ name }) => name).filter((name) => !name.startsWith('test.'))).toEqual([]);
    expect(operations.length).toBeGreaterThan(0);
  });

  it('of an operation that is deleted does not stop its jobs while a host has the operation', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { WORKER_ANNOUNCE_MS: '30000' } });
    const connection = await connectTo(stack);
    const operations = await new Kvm(jetstream(connection)).open('OPERATIONS');
    await operations.delete('echo');
    await until('the deletion to be known', async () => (await listedOperation(stack, 'echo')) === undefined);
    expect(await stack.run('echo', 'still')).toMatchObject({ state: 'succeeded', result: 'still' });
    expect((await stack.submit({ operation: 'no.such', input: 1 })).status).toBe(422);
  });

  it('that somebody deletes, and the whole of both buckets, is back after a renewal', async () => {
    const stack = await withTestStack(OPTIONS);
    const nats = await connectTo(stack);
    expect((await stack.run('echo', 1)).state).toBe('succeeded');
    const manager = await jetstreamManager(nats);
    for (const bucket of ['OPERATIONS', 'HOSTS']) {
      const kv = await new Kvm(jetstream(nats)).open(bucket);
      for await (const key of await kv.keys()) await kv.delete(key);
      await manager.streams.purge(`KV_${bucket}`);
    }
    await until('submits to be accepted', async () => {
      const response = await stack.submit({ operation: 'echo', input: 1 });
      return response.status === 202 && (await bodyOf(Job, response)).served !== false;
    });
  });

  it('of a changed operation stays while its writer lives, and gives way when the writer is gone', async () => {
    const stack = await withTestStack({ ...OPTIONS, operationsFolder: 'test/fixtures/deploy/before' });
    const newer = await startWorkerProcess({
      environment: { ...WORKER, NATS_URL: stack.nats.url, HEALTH_PORT: '0', WORKER_NAME: 'newer' },
      operationsFolder: 'test/fixtures/deploy/after',
      onLog: () => undefined,
    });
    onTestFinished(() => newer.stop());
    const kv = await new Kvm(jetstream(await connectTo(stack))).open('OPERATIONS');
    const isNew = async (): Promise<boolean> =>
      JSON.stringify((await kv.get('deploy.changed'))?.json()).includes('note');
    const afterRenewals = Date.now() + 4 * RENEW_MS;
    await until('a few renewals', async () => Date.now() > afterRenewals);
    expect(await isNew()).toBe(true);
    await newer.kill('SIGKILL');
    await until('the definition of the host that lives', async () => !(await isNew()));
  });

  it('of a changed operation is that of the last of several hosts with one name, and gives way when that one is gone', async () => {
    const twin = { ...WORKER, WORKER_NAME: 'twin' };
    const before = 'test/fixtures/deploy/before';
    const stack = await withTestStack({ ...OPTIONS, operationsFolder: before, worker: twin });
    await stack.addWorker();
    const startNewer = async (): Promise<WorkerProcess> => {
      const newer = await startWorkerProcess({
        environment: { ...twin, NATS_URL: stack.nats.url, HEALTH_PORT: '0' },
        operationsFolder: 'test/fixtures/deploy/after',
        onLog: () => undefined,
      });
      onTestFinished(() => newer.stop());
      return newer;
    };
    const first = await startNewer();
    const kv = await new Kvm(jetstream(await connectTo(stack))).open('OPERATIONS');
    const definition = (): Promise<KvEntry | null> => kv.get('deploy.changed');
    const isNew = async (): Promise<boolean> => JSON.stringify((await definition())?.json()).includes('note');
    const afterRenewals = async (): Promise<void> => {
      const end = Date.now() + 4 * RENEW_MS;
      await until('a few renewals', async () => Date.now() > end);
    };
    const written = await definition();
    await afterRenewals();
    expect((await definition())?.revision).toBe(written?.revision);
    expect(await isNew()).toBe(true);
    // A host that is started again keeps its name, and its definition.
    await first.kill('SIGKILL');
    const second = await startNewer();
    await afterRenewals();
    expect(await isNew()).toBe(true);
    await second.kill('SIGKILL');
    await until('the definition of the hosts that live', async () => !(await isNew()));
  });
});

describe('a job whose operation no host serves', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack(OPTIONS);
    expect((await stack.run('echo', 1)).state).toBe('succeeded');
    await stack.worker.stop();
    await untilHosts(stack, 0);
  });

  it('is accepted with a sign: in the answer, when it is read, in the list, in the figures; and runs once a host is there', async () => {
    const job = await submitJob(stack, 'echo', 'waits');
    expect(job).toMatchObject({ state: 'queued', served: false });
    expect(await readJob(stack, job.id)).toMatchObject({ state: 'queued', served: false });
    expect(await until('the list', () => listed(stack, job.id))).toMatchObject({ served: false });
    expect(await metricOf(stack.url, 'throughline_bridge_unserved_jobs_total')).toBe(1);
    expect((await stack.call('/readyz')).status).toBe(200);
    await stack.addWorker({ WORKER_NAME: 'late' });
    const end = await jobEnded(stack, job.id);
    expect(end).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(end).not.toHaveProperty('served');
    expect(
      await until('the end in the list', async () => {
        const entry = await listed(stack, job.id);
        return entry?.state === 'succeeded' && entry;
      }),
    ).not.toHaveProperty('served');
    expect((await stack.run('echo', 2)).state).toBe('succeeded');
  });

  it('is refused with UNSERVED_OPERATIONS=refuse, until a host serves it', async () => {
    const refusing = await withTestStack({ ...OPTIONS, edge: { UNSERVED_OPERATIONS: 'refuse' } });
    expect((await refusing.run('echo', 1)).state).toBe('succeeded');
    await refusing.worker.stop();
    await untilHosts(refusing, 0);
    const response = await refusing.submit({ operation: 'echo', input: 1 });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await problemOf(response)).toMatchObject({ code: 'operation-unserved' });
    await refusing.addWorker();
    expect((await refusing.run('echo', 2)).state).toBe('succeeded');
  });
});

describe('a worker that stops', () => {
  it.each([{ signals: ['SIGTERM'] }, { signals: ['SIGHUP'] }, { signals: ['SIGINT', 'SIGINT'] }] as const)(
    'on $signals says 503 "stopping" while it drains, lets its job end, and takes no other',
    async ({ signals }) => {
      const stack = await withTestStack({
        ...OPTIONS,
        worker: { WORKER_ANNOUNCE_MS: LASTING_MS, WORKER_STOP_TIMEOUT_MS: '20000' },
      });
      const folder = await scratchFolder();
      const gate = path.join(folder, 'gate');
      const effects = path.join(folder, 'effects');
      const job = await submitJob(stack, 'test.late', { ms: 0, gate, effects });
      await until('the job to run', async () => (await readJob(stack, job.id)).state === 'running');
      for (const signal of signals) await stack.worker.kill(signal);
      const answer = await until('the worker to drain', async () => {
        const response = await fetch(`${stack.worker.healthUrl}/readyz`);
        return response.status === 503 && response.json();
      });
      expect(answer).toEqual({ status: 'stopping' });
      await untilHosts(stack, 0);
      expect(await readJob(stack, job.id)).toMatchObject({ state: 'running' });
      expect(await submitJob(stack, 'echo', 1)).toMatchObject({ served: false });
      await writeFile(gate, '');
      expect(await stack.worker.exited).toBe(0);
      expect(await readJob(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    },
  );

  it('lets its job end although a library, which kept process.kill, sends it the signal again and again', async () => {
    const operationsFolder = await scratchFolder();
    await writeFile(path.join(operationsFolder, 'again.mjs'), SENDS_AGAIN);
    const stack = await withTestStack({
      operationsFolder,
      worker: { WORKER_STOP_TIMEOUT_MS: '20000' },
      tracing: false,
    });
    const job = await submitJob(stack, 'test.again', null);
    await until('the job to run', async () => (await readJob(stack, job.id)).state === 'running');
    await stack.worker.kill('SIGTERM');
    expect(await stack.worker.exited).toBe(0);
    expect(await readJob(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });
});
