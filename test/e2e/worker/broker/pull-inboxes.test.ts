import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { NatsServer } from '../../../../dev/nats-server/start.ts';
import { PullInboxes } from '../../../../worker-node/broker/consume/pull-inboxes.ts';
import type { PulledMessage } from '../../../../worker-node/broker/consume/pulled-message.ts';
import { startTestNats } from '../../../support/nats/nats.ts';
import { standStill, threadBeside } from '../../../support/nats/thread-beside.ts';

let server: NatsServer;
let nats: NatsConnection;
let manager: JetStreamManager;
beforeAll(async () => {
  server = await startTestNats();
  nats = await connect({ servers: server.url, noAsyncTraces: true });
  manager = await jetstreamManager(nats);
});
afterAll(async () => {
  await nats.close();
  await server.stop();
});

/** A work queue with one consumer, of which `count` messages wait. */
async function queue(name: string, count: number) {
  await manager.streams.add({ name, subjects: [`${name}.>`], retention: 'workqueue' });
  const made = await manager.consumers.add(name, { durable_name: 'workers', ack_policy: 'explicit' });
  const put = (n: number): void => nats.publish(`${name}.${n}`, String(n));
  for (let n = 1; n <= count; n++) put(n);
  const left = async (): Promise<number> => (await manager.streams.info(name)).state.messages;
  await expect.poll(left).toBe(count);
  return {
    inboxes: new PullInboxes(nats, { stream: name, name: 'workers' }),
    put,
    left,
    createdAt: made.created,
  };
}

it('a pull brings as many messages as were asked for, says what waits behind each, and then ends', async () => {
  const { inboxes, left, createdAt } = await queue('brings', 3);
  const got: PulledMessage[] = [];
  await inboxes.ask(2).each((message) => got.push(message));
  expect(got.map(({ subject }) => subject)).toEqual(['brings.1', 'brings.2']);
  expect(got.map(({ seq, info }) => [seq, info])).toEqual([
    [1, { deliveryCount: 1, pending: 2 }],
    [2, { deliveryCount: 1, pending: 1 }],
  ]);
  expect(new TextDecoder().decode(got[0]?.data)).toBe('1');
  expect(Math.abs((got[0]?.time.getTime() ?? 0) - Date.parse(createdAt))).toBeLessThan(60_000);
  for (const message of got) message.ack();
  await expect.poll(left).toBe(1);
});

it('a message that is handed back comes again, at once or after its delay, and one that is refused does not', async () => {
  const { inboxes, left } = await queue('back', 1);
  const answers = [
    (message: PulledMessage) => message.nak(),
    (message: PulledMessage) => message.nak(20),
    (message: PulledMessage) => message.term('not a job'),
  ];
  const counts: number[] = [];
  for (const answer of answers)
    await inboxes.ask(1).each((message) => {
      counts.push(message.info.deliveryCount);
      message.working();
      answer(message);
      // Only the first answer counts.
      message.ack();
    });
  expect(counts).toEqual([1, 2, 3]);
  await expect.poll(left).toBe(0);
});

it('one pull after the other uses the same inbox, also after one that brought nothing', async () => {
  const { inboxes, put } = await queue('again', 1);
  const got: string[] = [];
  const pull = () =>
    inboxes.ask(1).each((message) => {
      got.push(message.subject);
      message.ack();
    });
  await pull();
  const before = subscriptionsOf(nats);
  await pull();
  put(2);
  await pull();
  expect(got).toEqual(['again.1', 'again.2']);
  expect(subscriptionsOf(nats)).toBe(before);
});

it('a pull fails when its consumer is deleted, and when it is missing', async () => {
  const { inboxes } = await queue('deleted', 0);
  const waits = inboxes.ask(1).each(() => undefined);
  await nats.flush();
  await manager.consumers.delete('deleted', 'workers');
  await expect(waits).rejects.toThrow('consumer deleted');
  await expect(inboxes.ask(1).each(() => undefined)).rejects.toThrow();
});

it('a pull that is drained ends, and leaves what comes later to other pulls', async () => {
  const { inboxes, put } = await queue('drained', 0);
  const first: string[] = [];
  const pull = inboxes.ask(1);
  const ended = pull.each(({ subject }) => void first.push(subject));
  await nats.flush();
  pull.drain();
  await ended;
  put(1);
  const second: string[] = [];
  await inboxes.ask(1).each(({ subject }) => void second.push(subject));
  expect([first, second]).toEqual([[], ['drained.1']]);
});

/** Longer than a pull may take. */
const LONG_MS = 2_500;

it('a message that came while the host stood still is taken, even if the host learns first that its pull is late', async () => {
  const { inboxes, left } = await queue('still', 0);
  // It is ready before the pull is opened, which is short.
  const publish = await threadBeside(server.url, async ({ nats }, subject: string) => {
    nats.publish(subject, '1');
    await nats.flush();
  });
  const got: [string, number][] = [];
  const ended = inboxes.ask(2).each((message) => {
    got.push([message.subject, message.info.deliveryCount]);
    message.ack();
  });
  await nats.flush();
  publish('still.1');
  standStill(LONG_MS);
  await ended;
  expect(got).toEqual([['still.1', 1]]);
  await expect.poll(left).toBe(0);
});

it('a pull whose end came while the host stood still has not failed', async () => {
  const { inboxes } = await queue('ended', 0);
  const ended = inboxes.ask(1).each(() => undefined);
  await nats.flush();
  standStill(LONG_MS);
  await ended;
});

it('a pull takes no inbox whose subscription the server has ended', async () => {
  const { inboxes, left } = await queue('shut', 2);
  const got: string[] = [];
  const pull = () =>
    inboxes.ask(1).each((message) => {
      got.push(message.subject);
      message.ack();
    });
  const known = new Set(subscriptionsIn(nats).keys());
  await pull();
  // As after a change of permissions.
  for (const [id, inbox] of subscriptionsIn(nats)) if (!known.has(id)) inbox.unsubscribe();
  await pull();
  expect(got).toEqual(['shut.1', 'shut.2']);
  await expect.poll(left).toBe(0);
});

it('pulls work in a domain of JetStream, whose name is in the subjects for the answers', async () => {
  const inDomain = await startTestNats({ jetStreamConfig: 'domain: hub' });
  const connection = await connect({ servers: inDomain.url });
  onTestFinished(async () => {
    await connection.close();
    await inDomain.stop();
  });
  const { streams, consumers } = await jetstreamManager(connection);
  await streams.add({ name: 'domain', subjects: ['domain.>'], retention: 'workqueue' });
  await consumers.add('domain', { durable_name: 'workers', ack_policy: 'explicit' });
  for (const n of [1, 2]) connection.publish(`domain.${n}`, String(n));
  const inboxes = new PullInboxes(connection, { stream: 'domain', name: 'workers' });
  const got: PulledMessage[] = [];
  for (const _ of [1, 2]) await inboxes.ask(1).each((message) => got.push(message));
  expect(got.map(({ seq, info }) => [seq, info.deliveryCount])).toEqual([
    [1, 1],
    [2, 1],
  ]);
  for (const message of got) message.ack();
  await expect.poll(async () => (await streams.info('domain')).state.messages).toBe(0);
});

it('a pull ends with its connection', async () => {
  const { left } = await queue('closed', 0);
  const connection = await connect({ servers: server.url });
  const inboxes = new PullInboxes(connection, { stream: 'closed', name: 'workers' });
  const ended = inboxes.ask(1).each(() => undefined);
  await connection.close();
  await ended;
  expect(await left()).toBe(0);
});

/** How many subscriptions a connection has. */
function subscriptionsOf(connection: NatsConnection): number {
  return subscriptionsIn(connection).size;
}

/** The subscriptions of a connection. The client does not show them. */
function subscriptionsIn(connection: NatsConnection): Map<number, Subscription> {
  const { protocol } = connection as unknown as {
    protocol: { subscriptions: { subs: Map<number, Subscription> } };
  };
  return new Map(protocol.subscriptions.subs);
}
