import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import { Job } from '../../../shared/job/job.ts';
import type { TcpProxy } from '../../chaos/support/tcp-proxy.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { bodyOf, bridgesOf } from '../../support/http/answers.ts';
import { proxyTo } from '../../support/nats/proxy-to.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

/** A stack whose bridge reaches NATS through a proxy, and whose worker is stopped. */
async function proxied(): Promise<{ stack: TestStack; proxy: TcpProxy; manager: JetStreamManager }> {
  const storageDir = await scratchFolder();
  const natsWebSocket = await findFreePort();
  const proxy = await proxyTo(`ws://127.0.0.1:${natsWebSocket}`);
  const stack = await withTestStack({
    storageDir,
    ports: { http: 0, nats: 0, natsWebSocket, otlp: 0 },
    edge: { NATS_URL: `ws://127.0.0.1:${proxy.port}`, BROKER_TIMEOUT_MS: '500' },
  });
  await stack.run('echo', 'before');
  await stack.worker.stop();
  const connection = await connect({ servers: stack.nats.url });
  onTestFinished(() => connection.close());
  return { stack, proxy, manager: await jetstreamManager(connection) };
}

/** Submits a job that NATS stores, and whose acknowledgement does not come back. */
async function unacknowledged({ stack, proxy }: Awaited<ReturnType<typeof proxied>>): Promise<Job> {
  proxy.set({ kind: 'drop-replies' });
  const response = await stack.submit({ operation: 'echo', input: 'once' });
  const job = await bodyOf(Job, response);
  expect([response.status, job.durability]).toEqual([202, 'outbox']);
  return job;
}

async function queued(manager: JetStreamManager): Promise<number> {
  return (await manager.streams.info('JOBS')).state.messages;
}

async function sentAndRunOnce(stack: TestStack, manager: JetStreamManager, job: Job): Promise<void> {
  await until('the outbox to be empty', async () =>
    (await bridgesOf(stack)).every(({ outbox }) => outbox.pending === 0),
  );
  expect(await queued(manager)).toBe(1);
  await stack.addWorker();
  const ended = await until('the job to end', async () => {
    const read = await bodyOf(Job, stack.call(`/v1/jobs/${job.id}`));
    return read.finishedAt !== undefined && read;
  });
  expect(ended).toMatchObject({ state: 'succeeded', result: 'once', attempts: [{ number: 1 }] });
}

it('E3: the edge dies after NATS stored a job, before it gets the acknowledgement: the job runs once', async () => {
  const parts = await proxied();
  const { stack, proxy, manager } = parts;
  const job = await unacknowledged(parts);
  await stack.stopEdge();
  proxy.set({ kind: 'pass' });
  await stack.restartEdge();
  await sentAndRunOnce(stack, manager, job);
});

it('E4: the same, when NATS has forgotten the message id since then', async () => {
  const parts = await proxied();
  const { stack, proxy, manager } = parts;
  const { config } = await manager.streams.info('JOBS');
  await manager.streams.update('JOBS', { ...config, duplicate_window: 100_000_000 });
  const job = await unacknowledged(parts);
  await stack.nats.restart();
  // NATS accepts a second message with this id now, so it has forgotten the first.
  const second = await until('NATS to be back', () =>
    manager.jetstream().publish(`jobs.normal.p2.demo.${job.id}.echo`, '"twice"', { msgID: job.id }),
  );
  expect(second.duplicate).toBe(false);
  await manager.streams.deleteMessage('JOBS', second.seq);
  proxy.set({ kind: 'pass' });
  await sentAndRunOnce(stack, manager, job);
});

it('a job that is cancelled while nobody knows whether NATS has it ends in its own trace', async () => {
  const parts = await proxied();
  const { stack, proxy, manager } = parts;
  const job = await unacknowledged(parts);
  expect((await stack.call(`/v1/jobs/${job.id}`, { method: 'DELETE' })).status).toBe(202);
  proxy.set({ kind: 'pass' });
  const subject = `events.demo.${job.id}`;
  const end = await until('its end', async () => {
    return (await manager.streams.getMessage('EVENTS', { last_by_subj: subject })) ?? undefined;
  });
  expect(end.json()).toMatchObject({ kind: 'cancelled', traceId: job.traceId });
  expect(end.header.get('traceparent').split('-')[1]).toBe(job.traceId);
  const [line] = await stack.logged(({ msg, job_id }) => msg === 'job cancelled' && job_id === job.id);
  expect(line?.trace_id).toBe(job.traceId);
});
