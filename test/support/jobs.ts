import { readFile } from 'node:fs/promises';
import {
  type Consumer,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { onTestFinished } from 'vitest';
import { type ListedOperation, OperationList } from '../../shared/api/answers/operation-list.ts';
import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import { Job } from '../../shared/job/job.ts';
import { eventsByJob } from './nats/stored.ts';
import { until } from './poll.ts';
import type { TestStack } from './stack.ts';

/** A connection to the stack's NATS that ends with the test. */
export async function connectTo(stack: TestStack): Promise<NatsConnection> {
  const nats = await connect({ servers: stack.nats.url });
  onTestFinished(() => nats.close());
  return nats;
}

export async function submitJob(
  stack: TestStack,
  operation: string,
  input: unknown,
  more: Record<string, unknown> = {},
): Promise<Job> {
  const response = await stack.submit({ operation, input, ...more });
  return Job.parse(await response.json());
}

export async function readJob(stack: TestStack, id: string): Promise<Job> {
  return Job.parse(await (await stack.call(`/v1/jobs/${id}`)).json());
}

export function jobEnded(stack: TestStack, id: string, timeoutMs?: number): Promise<Job> {
  return until(
    `job ${id} to end`,
    async () => {
      const now = await readJob(stack, id);
      return now.finishedAt !== undefined && now;
    },
    timeoutMs,
  );
}

/** An operation as the edge lists it; undefined: the edge does not know it. */
export async function listedOperation(stack: TestStack, name: string): Promise<ListedOperation | undefined> {
  const { operations } = OperationList.parse(await (await stack.call('/v1/operations')).json());
  return operations.find((operation) => operation.name === name);
}

/** Waits until so many hosts have an operation as far as the edge knows, which learns of a start or a stop a moment later. */
export async function untilHosts(stack: TestStack, count: number, operation = 'echo'): Promise<void> {
  await until(
    `${count} hosts with ${operation}`,
    async () => (await listedOperation(stack, operation))?.hosts === count,
  );
}

/** The lines that operations have written to a file, one for each execution. */
export async function effectsIn(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

/** The terminal events of a job, in order. @throws Error if the last event is not terminal */
export async function endsOf(nats: NatsConnection, jobId: string): Promise<JobEvent['kind'][]> {
  const history = (await eventsByJob(nats)).get(jobId) ?? [];
  const ends = history.filter(isTerminalEvent).map(({ kind }) => kind);
  const last = history.at(-1);
  if (last === undefined || !isTerminalEvent(last)) throw new Error(`the last event is ${last?.kind}`);
  return ends;
}

/** Waits until the queue is empty. */
export async function untilQueueEmpty(nats: NatsConnection, timeoutMs = 60_000): Promise<void> {
  const manager = await jetstreamManager(nats);
  await until(
    'an empty queue',
    async () => (await manager.streams.info('JOBS')).state.messages === 0,
    timeoutMs,
  );
}

/** A job that was delivered to a test, which has not answered yet. */
export interface TakenJob {
  readonly consumer: Consumer;
  readonly message: JsMsg;
}

/** Takes the only job of the queue, as a worker does. */
export async function takeJob(nats: NatsConnection): Promise<TakenJob> {
  const manager = await jetstreamManager(nats);
  const { name } = await until('the job', async () =>
    (await manager.consumers.list('JOBS').next()).find(({ num_pending }) => num_pending > 0),
  );
  const consumer = await jetstream(nats).consumers.get('JOBS', name);
  return { consumer, message: await nextOf(consumer) };
}

/** The next message of a consumer. @throws Error if none comes */
export async function nextOf(consumer: Consumer): Promise<JsMsg> {
  const message = await consumer.next();
  if (message === null) throw new Error('no message came');
  return message;
}

/** How many jobs were delivered to workers and have no ack yet. */
export async function heldJobs(manager: JetStreamManager): Promise<number> {
  let held = 0;
  for await (const { num_ack_pending } of manager.consumers.list('JOBS')) held += num_ack_pending;
  return held;
}

/** Makes the broker forget now which `Nats-Msg-Id`s it has seen; by itself it forgets them after two minutes. */
export async function forgetDuplicates(nats: NatsConnection, ...streams: string[]): Promise<void> {
  const manager = await jetstreamManager(nats);
  // The shortest window that the server allows.
  for (const stream of streams) await manager.streams.update(stream, { duplicate_window: 100_000_000 });
}
