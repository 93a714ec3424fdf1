import { spawnSync } from 'node:child_process';
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

const until = (condition: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(condition, { timeout: 60_000, interval: 5 });

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
  await until(async () => expect(await host.left()).toBe(0));
  expect(handedBack).toBeLessThanOrEqual(CONCURRENCY);
});

/** Lets another process take the next message of a stream, and returns its delivery count. This process stands still until then. */
function takenElsewhere(stream: string): string {
  const load = (name: string): string => `await import(${JSON.stringify(import.meta.resolve(name))})`;
  const program = `
    const { connect } = ${load('@nats-io/transport-node')};
    const { jetstream } = ${load('@nats-io/jetstream')};
    const nats = await connect({ servers: ${JSON.stringify(server.url)} });
    const consumer = await jetstream(nats).consumers.get(${JSON.stringify(stream)}, 'workers');
    const message = await consumer.next({ expires: 20_000 });
    console.log(message?.info.deliveryCount);
    await nats.close();`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  return stdout.trim();
}

it('a host that stood still takes no message back from the worker that has it meanwhile', async () => {
  const answers: string[] = [];
  const stoodStill = Promise.withResolvers<string>();
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
      setImmediate(() => stoodStill.resolve(takenElsewhere('still')));
    },
  });
  expect(await stoodStill.promise).toBe('2');
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
  const manager = await jetstreamManager(nats);
  const client = jetstream(nats);
  const streams = ['quiet-a', 'quiet-b'];
  const ackWaitMs = 2_000;
  const lanes = await makeLanes(streams, { isClustered: false, ackWaitMs });
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
  const info = (stream: string) => manager.consumers.info(stream, 'workers');
  await until(async () => {
    const all = await Promise.all(streams.map(info));
    expect(all.map(({ num_waiting }) => num_waiting)).toEqual([1, 1]);
  });
  expect(takenAsTheyCome(streams)).toBe('2,2');
  await until(() => expect(started).toBe(1));
  // Both lanes ask again for the same message: it comes to neither before the ack wait of the other worker is over.
  const again = await Promise.all(
    streams.map(async (stream) => {
      const consumer = await client.consumers.get(stream, 'workers');
      return await consumer.next({ expires: 1_000 });
    }),
  );
  expect(again.map((message) => message?.info.deliveryCount)).toEqual([undefined, undefined]);
});

it('a full host in a cluster that stood still hands no message back that another worker has meanwhile', async () => {
  const manager = await jetstreamManager(nats);
  const client = jetstream(nats);
  const streams = ['paused-a', 'paused-b'] as const;
  const ackWaitMs = 2_000;
  const lanes = await makeLanes(streams, { isClustered: true, ackWaitMs });
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
  const info = () => manager.consumers.info('paused-b', 'workers');
  await client.publish('paused-a.1', 'x');
  await until(() => expect(begun).toEqual(['paused-a.1']));
  // Handed back once: the host is full, and its pull is open again.
  await until(async () => expect((await info()).num_waiting).toBe(1));
  expect(takenAsTheyCome(['paused-b'])).toBe('2');
  // What came late is read first.
  await nats.flush();
  const again = await lanes[1]?.consumer.get();
  expect((await again?.next({ expires: 1_000 }))?.info.deliveryCount).toBeUndefined();
});

/** Lets another process publish one message to each stream and take it when the host has lost it. This process stands still. */
function takenAsTheyCome(streams: readonly string[]): string {
  const load = (name: string): string => `await import(${JSON.stringify(import.meta.resolve(name))})`;
  const program = `
    const { connect } = ${load('@nats-io/transport-node')};
    const { jetstream } = ${load('@nats-io/jetstream')};
    const nats = await connect({ servers: ${JSON.stringify(server.url)} });
    const client = jetstream(nats);
    const streams = ${JSON.stringify(streams)};
    for (const stream of streams) await client.publish(stream + '.1', 'x');
    const taken = await Promise.all(streams.map(async (stream) =>
      (await client.consumers.get(stream, 'workers')).next({ expires: 20_000 })));
    console.log(taken.map((message) => message?.info.deliveryCount).join());
    await nats.close();`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  }).stdout.trim();
}
