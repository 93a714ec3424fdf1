import { setTimeout as delay } from 'node:timers/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import type { NatsServer } from '../../../../dev/nats-server/start.ts';
import { ConsumeLoop, type DeliveryHandler } from '../../../../worker-node/broker/consume/consume-loop.ts';
import type { Delivery } from '../../../../worker-node/broker/consume/delivery.ts';
import { PullInboxes } from '../../../../worker-node/broker/consume/pull-inboxes.ts';
import type { PulledMessage } from '../../../../worker-node/broker/consume/pulled-message.ts';
import { startTestNats } from '../../../support/nats/nats.ts';
import { threadBeside } from '../../../support/nats/thread-beside.ts';
import { until } from '../../../support/poll.ts';
import { quiet } from '../../../unit/worker-node/support.ts';

let server: NatsServer;
let nats: NatsConnection;
beforeAll(async () => {
  server = await startTestNats();
  nats = await connect({ servers: server.url, noAsyncTraces: true });
});
afterAll(async () => {
  await nats.close();
  await server.stop();
});

interface HostParts {
  readonly stream: string;
  readonly messages: number;
  readonly concurrency: number;
  readonly ackWaitMs: number;
  readonly process: DeliveryHandler['process'];
  /** Is called when the host has taken a message that it had asked for. */
  readonly onTaken?: (message: PulledMessage) => void;
}

/** A host with one lane, whose messages wait already. */
async function startHost({ stream, messages, concurrency, ackWaitMs, process, onTaken }: HostParts) {
  const manager = await jetstreamManager(nats);
  await manager.streams.add({ name: stream, subjects: [`${stream}.>`], retention: 'workqueue' });
  const config = { durable_name: 'workers', ack_policy: 'explicit', ack_wait: ackWaitMs * 1e6 } as const;
  await manager.consumers.add(stream, config);
  const client = jetstream(nats);
  for (let n = 1; n <= messages; n++) await client.publish(`${stream}.${n}`, String(n));
  const consumer = await client.consumers.get(stream, 'workers');
  const inboxes = new PullInboxes(nats, { stream, name: 'workers' });
  const watched = {
    ask: (count: number) => {
      const pull = inboxes.ask(count);
      const each = (take: (message: PulledMessage) => void): Promise<void> =>
        pull.each((message) => {
          take(message);
          onTaken?.(message);
        });
      return { each, drain: () => pull.drain() };
    },
  };
  const known = { get: async () => consumer, forget: () => undefined, createdMs: 0, ackWaitMs };
  const source = { consumer: { ...known, isClustered: false, inboxes: watched }, isBulk: false } as const;
  const loop = new ConsumeLoop({
    lanes: [{ ...source, priority: 'normal' }],
    handler: { process },
    concurrency,
    log: quiet,
    what: 'jobs',
  });
  const running = loop.run();
  onTestFinished(async () => {
    await loop.stop(0);
    await running;
  });
  return { left: async () => (await manager.streams.info(stream)).state.messages };
}

/** A small part of the time for which a pull is open. */
const FRESH_MS = 200;

it('a full host whose ends take long hands messages back once, and not again and again', async () => {
  const CONCURRENCY = 8;
  let handedBack = 0;
  const host = await startHost({
    stream: 'slow',
    messages: 5 * CONCURRENCY,
    concurrency: CONCURRENCY,
    ackWaitMs: 30_000,
    process: async ({ deliveryCount, settle }, _stop, slot) => {
      handedBack += deliveryCount - 1;
      slot.ending();
      // Longer than a message waits for a slot.
      await delay(400);
      settle({ kind: 'ack' });
    },
  });
  await expect.poll(host.left).toBe(0);
  expect(handedBack).toBeLessThanOrEqual(CONCURRENCY);
});

it('a host that stood still takes no message back from the worker that has it meanwhile', async () => {
  const answers: string[] = [];
  const takeElsewhere = await otherWorker();
  const stoodStill = Promise.withResolvers<number | undefined>();
  const end = Promise.withResolvers<void>();
  onTestFinished(() => end.resolve());
  await startHost({
    stream: 'still',
    messages: 2,
    concurrency: 1,
    ackWaitMs: 2_000,
    process: async ({ settle }, _stop, slot) => {
      settle({ kind: 'ack' });
      slot.ending();
      await end.promise;
    },
    onTaken: (message) => {
      if (message.subject !== 'still.2') return;
      vi.spyOn(message, 'nak').mockImplementation(() => void answers.push('nak'));
      setImmediate(() => stoodStill.resolve(takeElsewhere('still')));
    },
  });
  expect(await stoodStill.promise).toBe(2);
  // The timers that are late come first.
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  end.resolve();
  expect(answers).toEqual([]);
});

/** Makes streams, each with a consumer that is the source of a lane. */
function makeLanes(
  streams: readonly string[],
  { isClustered, ackWaitMs }: { readonly isClustered: boolean; readonly ackWaitMs: number },
) {
  return Promise.all(
    streams.map(async (stream) => {
      const manager = await jetstreamManager(nats);
      await manager.streams.add({ name: stream, subjects: [`${stream}.>`], retention: 'workqueue' });
      const config = { durable_name: 'workers', ack_policy: 'explicit', ack_wait: ackWaitMs * 1e6 } as const;
      await manager.consumers.add(stream, config);
      const found = await jetstream(nats).consumers.get(stream, 'workers');
      const consumer = {
        get: async () => found,
        forget: () => undefined,
        createdMs: 0,
        ackWaitMs,
        isClustered,
      };
      return { consumer, isBulk: false, priority: 'normal' } as const;
    }),
  );
}

it('a host that stood still with open probes takes no message back from the worker that has it meanwhile', async () => {
  const client = jetstream(nats);
  const streams = ['quiet-a', 'quiet-b'];
  const ackWaitMs = 2_000;
  const lanes = await makeLanes(streams, { isClustered: false, ackWaitMs });
  const keepElsewhere = await keepingWorker();
  const hasPulls = pullsOn(streams);
  let started = 0;
  const end = Promise.withResolvers<void>();
  const process = async (): Promise<void> => {
    started++;
    await end.promise;
  };
  const loop = new ConsumeLoop({ lanes, concurrency: 1, log: quiet, what: 'jobs', handler: { process } });
  const running = loop.run();
  onTestFinished(async () => {
    end.resolve();
    await loop.stop(0);
    await running;
  });
  await until('pulls that are not about to end', hasPulls);
  expect(keepElsewhere(streams)).toEqual([2, 2]);
  await expect.poll(() => started).toBe(1);
  // Both lanes ask again for the same message, and it comes to neither.
  const again = await Promise.all(
    streams.map(async (stream) => {
      const consumer = await client.consumers.get(stream, 'workers');
      return await consumer.next({ expires: 1_000 });
    }),
  );
  expect(again.map((message) => message?.info.deliveryCount)).toEqual([undefined, undefined]);
});

it('a full host in a cluster that stood still hands no message back that another worker has meanwhile', async () => {
  const client = jetstream(nats);
  const streams = ['paused-a', 'paused-b'] as const;
  const ackWaitMs = 2_000;
  const lanes = await makeLanes(streams, { isClustered: true, ackWaitMs });
  const keepElsewhere = await keepingWorker();
  const hasPulls = pullsOn(streams);
  const begun: string[] = [];
  const end = Promise.withResolvers<void>();
  const process = async ({ subject, working }: Delivery): Promise<void> => {
    begun.push(subject);
    const alive = setInterval(working, ackWaitMs / 5);
    await end.promise;
    clearInterval(alive);
  };
  const loop = new ConsumeLoop({ lanes, concurrency: 1, log: quiet, what: 'jobs', handler: { process } });
  const running = loop.run();
  onTestFinished(async () => {
    end.resolve();
    await loop.stop(0);
    await running;
  });
  // While the host is full, it opens no other pull.
  await until('pulls that are not about to end', hasPulls);
  await client.publish('paused-a.1', 'x');
  await until('the host to be full', () => begun.includes('paused-a.1'));
  expect(keepElsewhere(['paused-b'])).toEqual([2]);
  // What came late is read first.
  await nats.flush();
  const again = await lanes[1]?.consumer.get();
  expect((await again?.next({ expires: 1_000 }))?.info.deliveryCount).toBeUndefined();
});

/** Another worker, which takes the next message of a stream, and gives its delivery count. */
const otherWorker = () =>
  threadBeside(server.url, async ({ nats, jetstream }, stream: string) => {
    const consumer = await jetstream(nats).consumers.get(stream, 'workers');
    return (await consumer.next({ expires: 20_000 }))?.info.deliveryCount;
  });

/**
 * The same for several streams. It publishes the messages itself, takes each when the host has lost it, and keeps it for longer than a
 * test takes.
 */
const keepingWorker = () =>
  threadBeside(server.url, async ({ nats, jetstream, jetstreamManager }, streams: readonly string[]) => {
    const client = jetstream(nats);
    const { consumers } = await jetstreamManager(nats);
    for (const stream of streams) await client.publish(`${stream}.1`, 'x');
    const take = async (stream: string): Promise<number | undefined> => {
      const consumer = await client.consumers.get(stream, 'workers');
      const message = await consumer.next({ expires: 20_000 });
      await consumers.update(stream, 'workers', { ack_wait: 600e9 });
      return message?.info.deliveryCount;
    };
    return await Promise.all(streams.map(take));
  });

/** Watches the pulls of hosts. @returns whether a host has just opened one on each stream */
function pullsOn(streams: readonly string[]): () => boolean {
  const openedMs = new Map<string, number>();
  for (const stream of streams) {
    const callback = () => void openedMs.set(stream, performance.now());
    const subscription = nats.subscribe(`$JS.API.CONSUMER.MSG.NEXT.${stream}.workers`, { callback });
    onTestFinished(() => subscription.unsubscribe());
  }
  return () => streams.every((stream) => performance.now() - (openedMs.get(stream) ?? 0) < FRESH_MS);
}
