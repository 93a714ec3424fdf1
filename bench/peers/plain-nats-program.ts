/**
 * The limit of a worker on JetStream, with plain nats.js: it consumes, stores as many events as it is told to, one after the other,
 * and acknowledges. It checks nothing, traces nothing, logs nothing, and counts nothing.
 */
import { type ConsumerMessages, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { readRun, serveQueue } from './queue-program.ts';

const PARALLEL = 256;
/** Jobs that are fetched beyond those that run. */
const AHEAD = 256;
const EVENT = JSON.stringify({
  ...{ kind: 'succeeded', jobId: 'job-1', operation: 'echo', attempt: 1, maxAttempts: 5 },
  ...{ acceptedAt: '2026-01-01T00:00:00.000Z', startedAt: '2026-01-01T00:00:00.000Z', result: 1 },
});

const run = readRun<{ readonly url: string; readonly events: number }>();
const connection = await connect({ servers: run.url, noAsyncTraces: true });
const stream = jetstream(connection);
await serveQueue(run, () => fill(connection), work);

async function fill(nats: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(nats);
  await manager.streams.add({ name: 'JOBS', subjects: ['jobs.>'], retention: 'workqueue' });
  await manager.streams.add({ name: 'EVENTS', subjects: ['events.>'] });
  await manager.consumers.add('JOBS', {
    durable_name: 'bench',
    ack_policy: 'explicit',
    max_ack_pending: 10_000,
  });
  let next = 0;
  const publishNext = async (): Promise<void> => {
    while (next < run.jobs) {
      const id = `job-${next++}`;
      await stream.publish(`jobs.normal.p0.tenant.${id}.echo`, '1', { msgID: id, headers: headersOf(id) });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, publishNext));
}

/** As many headers as a message of ours has. */
function headersOf(id: string) {
  const message = headers();
  message.set('ce-specversion', '1.0');
  message.set('ce-id', id);
  message.set('ce-source', '/bench');
  message.set('ce-type', 'bench');
  message.set('ce-time', '2026-01-01T00:00:00.000Z');
  message.set('content-type', 'application/json');
  return message;
}

async function work(doOne: () => Promise<number>): Promise<void> {
  const consumer = await stream.consumers.get('JOBS', 'bench');
  const messages = await consumer.consume({ max_messages: run.concurrency + AHEAD });
  const iterator = messages[Symbol.asyncIterator]();
  await Promise.all(Array.from({ length: run.concurrency }, () => loop(iterator, doOne)));
}

async function loop(
  iterator: ReturnType<ConsumerMessages[typeof Symbol.asyncIterator]>,
  doOne: () => Promise<number>,
): Promise<void> {
  for (;;) {
    const { value: message, done } = await iterator.next();
    if (done === true) return;
    const id = message.subject.split('.')[4] ?? '';
    const store = async (kind: string) => {
      const event = headersOf(`${id}:${kind}`);
      await stream.publish(`events.tenant.${id}`, EVENT, { msgID: `${id}:${kind}`, headers: event });
    };
    if (run.events > 1) await store('started');
    await doOne();
    if (run.events > 0) await store('succeeded');
    message.ack();
  }
}
