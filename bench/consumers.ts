/**
 * `node bench/consumers.ts [messages] [rounds] [servers] [consumers,…]`: publish + consume + ack, in messages per second, for a work
 * queue with these numbers of durable consumers. Each consumer has a subject of its own, as the lanes of a worker group have, and two
 * hosts pull from all of them. With three servers (default 1) stream and consumers have three copies. The numbers of consumers
 * take turns. It prints the medians of the rounds, with the processor time of all servers for 1,000 messages, and while nothing happens.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type ConsumerMessages, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { hostEnvironment } from '../dev/machine/environment.ts';
import { locateNatsServer } from '../dev/nats-binary/locate.ts';
import { startNatsCluster } from '../dev/nats-server/cluster.ts';
import { startNatsServer } from '../dev/nats-server/start.ts';
import { median, printRow, processorMs } from './support/measure.ts';

const MESSAGES = Number(process.argv[2] ?? 20_000);
const ROUNDS = Number(process.argv[3] ?? 3);
const SERVERS = Number(process.argv[4] ?? 1);
const COUNTS = (process.argv[5] ?? '1,26,52,64,104').split(',').map(Number);
const HOSTS = 2;
/** Messages that a host asks for at once, over all consumers. */
const ASKED = 200;
const PARALLEL = 256;
const IDLE_MS = 3_000;
const STREAM = 'QUEUE';

interface Servers {
  readonly urls: readonly string[];
  readonly pids: readonly number[];
  readonly stop: () => Promise<void>;
}

interface Figures {
  readonly perSecond: number;
  /** Milliseconds of processor time of all servers for 1,000 messages. */
  readonly busyMs: number;
  /** The part of one core that all servers take while nothing happens. */
  readonly idle: number;
}

const results = new Map(COUNTS.map((count) => [count, [] as Figures[]]));
const servers = await startServers();
try {
  for (let round = 0; round < ROUNDS; round++)
    for (const count of COUNTS) results.get(count)?.push(await measure(servers, count));
} finally {
  await servers.stop();
}
printRow('consumers', 'messages/s', 'ms/1,000', 'idle, % of a core');
for (const [count, figures] of results) {
  const of = (pick: (one: Figures) => number): number => median(figures.map(pick));
  printRow(
    String(count),
    of((one) => one.perSecond).toFixed(0),
    of((one) => one.busyMs).toFixed(0),
    (of((one) => one.idle) * 100).toFixed(1),
  );
}

async function startServers(): Promise<Servers> {
  const { path: binary } = await locateNatsServer({ environment: hostEnvironment() });
  if (SERVERS === 1) {
    const server = await startNatsServer({ binary });
    return { urls: [server.url], pids: [server.pid], stop: () => server.stop() };
  }
  const cluster = await startNatsCluster({ binary });
  return {
    urls: cluster.urls,
    pids: cluster.nodes.map(({ server }) => server.pid),
    stop: () => cluster.stop(),
  };
}

async function measure({ urls, pids }: Servers, count: number): Promise<Figures> {
  const connections = await Promise.all(
    Array.from({ length: HOSTS + 1 }, () => connect({ servers: [...urls], timeout: 60_000 })),
  );
  const [publisher, ...hosts] = connections;
  if (publisher === undefined) throw new Error('there is no connection');
  const manager = await jetstreamManager(publisher, { timeout: 60_000 });
  const subjects = Array.from({ length: count }, (_, n) => `queue.${n}`);
  try {
    await manager.streams.add({
      name: STREAM,
      subjects: ['queue.*'],
      retention: 'workqueue',
      num_replicas: SERVERS === 1 ? 1 : 3,
    });
    for (const [n, filter_subject] of subjects.entries())
      await manager.consumers.add(STREAM, { durable_name: `c${n}`, filter_subject, ack_policy: 'explicit' });
    const pulls = await Promise.all(hosts.map((host) => pullAll(host, count)));
    const idle = await share(pids);
    const before = sum(pids);
    const began = performance.now();
    await publish(publisher, subjects);
    while ((await manager.streams.info(STREAM)).state.messages > 0) await delay(10);
    const seconds = (performance.now() - began) / 1_000;
    const busyMs = ((sum(pids) - before) / MESSAGES) * 1_000;
    for (const pull of pulls.flat()) pull.stop();
    return { perSecond: MESSAGES / seconds, busyMs, idle };
  } finally {
    await manager.streams.delete(STREAM);
    await Promise.all(connections.map((connection) => connection.close()));
  }
}

/** Pulls from all consumers, and acknowledges each message. */
function pullAll(host: NatsConnection, count: number): Promise<ConsumerMessages[]> {
  const stream = jetstream(host, { timeout: 60_000 });
  const size = Math.max(2, Math.floor(ASKED / count));
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const consumer = await stream.consumers.get(STREAM, `c${n}`);
      return await consumer.consume({ max_messages: size, callback: (message) => message.ack() });
    }),
  );
}

async function publish(connection: NatsConnection, subjects: readonly string[]): Promise<void> {
  const stream = jetstream(connection, { timeout: 60_000 });
  let next = 0;
  const publishNext = async (): Promise<void> => {
    while (next < MESSAGES) await stream.publish(subjects[next++ % subjects.length] ?? '', '1');
  };
  await Promise.all(Array.from({ length: PARALLEL }, publishNext));
}

/** The part of one core that these processes take together, over a while. */
async function share(pids: readonly number[]): Promise<number> {
  const [before, began] = [sum(pids), performance.now()];
  await delay(IDLE_MS);
  return (sum(pids) - before) / (performance.now() - began);
}

function sum(pids: readonly number[]): number {
  return pids.reduce((total, pid) => total + processorMs(pid), 0);
}
