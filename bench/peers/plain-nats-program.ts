/**
 * The limit of a worker on JetStream, with plain nats.js: it consumes, stores as many events as it is told to, one after the other,
 * and acknowledges. Jobs and events have as many headers as ours, of about the same size. It checks nothing, traces nothing, logs
 * nothing, and counts nothing.
 */
import { type ConsumerMessages, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { readRun, serveQueue } from './queue-program.ts';
import { inputOf } from './queue-run.ts';

const PARALLEL = 256;
/** Jobs that are fetched beyond those that run. */
const AHEAD = 256;
const TIME = '2026-01-01T00:00:00.000Z';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const EVENT = JSON.stringify({
  kind: 'succeeded',
  jobId: 'job-1',
  operation: 'bench.two-events',
  attempt: 1,
  maxAttempts: 5,
  released: 0,
  acceptedAt: TIME,
  startedAt: TIME,
  at: TIME,
  worker: 'host-1',
  result: 1,
  traceId: TRACE_ID,
  spanId: '1111222233334444',
});
/** What a job and an event of ours have beside their ids. */
const JOB_HEADERS = {
  'ce-specversion': '1.0',
  'ce-source': '/throughline/bench',
  'ce-type': 'dev.throughline.job.submitted',
  'ce-time': TIME,
  'ce-datacontenttype': 'application/json',
  'content-type': 'application/json',
  'throughline-max-attempts': '5',
  traceparent: `00-${TRACE_ID}-1111222233334444-01`,
};
const EVENT_HEADERS = {
  ...JOB_HEADERS,
  'throughline-operation': 'bench.two-events',
  'throughline-attempt': '1',
  'throughline-accepted-at': TIME,
  'throughline-started-at': TIME,
  'throughline-trace-id': TRACE_ID,
  // Ours is a command to the server: it stores the event only if it is the next one of its job.
  'throughline-expected-last-subject-sequence': '0',
};

const run = readRun<{ readonly url: string; readonly events: number }>();
const connection = await connect({ servers: run.url, noAsyncTraces: true });
const stream = jetstream(connection);
await serveQueue(run, { fill: () => fill(connection), work });

async function fill(nats: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(nats);
  await manager.streams.add({ name: 'JOBS', subjects: ['jobs.>'], retention: 'workqueue' });
  await manager.streams.add({ name: 'EVENTS', subjects: ['events.>'] });
  await manager.consumers.add('JOBS', {
    durable_name: 'bench',
    ack_policy: 'explicit',
    max_ack_pending: 10_000,
  });
  const body = JSON.stringify(inputOf(run));
  let next = 0;
  const publishNext = async (): Promise<void> => {
    while (next < run.jobs) {
      const id = `job-${next++}`;
      const job = { headers: headersOf(id, JOB_HEADERS) };
      await stream.publish(`jobs.normal.p0.tenant.${id}.bench.two-events`, body, job);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, publishNext));
}

function headersOf(id: string, others: Readonly<Record<string, string>>): MsgHdrs {
  const message = headers();
  message.set('Nats-Msg-Id', id);
  message.set('ce-id', id);
  for (const [name, value] of Object.entries(others)) message.set(name, value);
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
      const event = { headers: headersOf(`${id}:${kind}`, EVENT_HEADERS) };
      await stream.publish(`events.tenant.${id}`, EVENT, event);
    };
    if (run.events > 1) await store('started');
    await doOne();
    if (run.events > 0) await store('succeeded');
    message.ack();
  }
}
