import { setTimeout as delay } from 'node:timers/promises';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { isTerminalEvent } from '../../../shared/job/event.ts';
import { Job } from '../../../shared/job/job.ts';
import { EVENTS_STREAM } from '../../../shared/nats/streams.ts';
import { readJobEvent } from '../../../shared/wire/event-message.ts';
import { until } from '../../support/poll.ts';
import type { TestStack } from '../../support/stack.ts';
import type { Dice } from './dice.ts';

/** What happened to a job, as far as its events say. */
interface Tally {
  starts: number;
  ends: number;
  /** Texts of its events that a caller must not read. */
  leaks: number;
}

/** Parts of texts that are only for operators: the fixture puts them into errors. */
const SECRET = 'app:pw@10.1.2.3';

const PATIENCE_MS = 60_000;
/** The pause after a refusal. */
const REFUSED_MS = 1_000;

/** Counts the events of each job while they are stored. */
export async function tallyEvents(nats: NatsConnection): Promise<ReadonlyMap<string, Tally>> {
  const tallies = new Map<string, Tally>();
  const manager = await jetstreamManager(nats);
  const { name } = await manager.consumers.add(EVENTS_STREAM, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
    filter_subject: 'events.*.*',
    inactive_threshold: 60_000_000_000,
  });
  const consumer = await jetstream(nats).consumers.get(EVENTS_STREAM, name);
  const messages = await consumer.consume({
    callback: ({ subject, data }) => {
      const [, , jobId = ''] = subject.split('.');
      const tally = tallies.get(jobId) ?? { starts: 0, ends: 0, leaks: 0 };
      tallies.set(jobId, tally);
      const event = readJobEvent(data);
      if (event?.kind === 'started') tally.starts++;
      if (event !== undefined && isTerminalEvent(event)) tally.ends++;
      if (event?.error?.message.includes(SECRET)) tally.leaks++;
    },
  });
  void messages.closed();
  return tallies;
}

/**
 * Submits jobs at a steady rate until the time is over.
 * @returns the accepted jobs
 */
export async function submitSteadily(
  stack: TestStack,
  { ms, perSecond }: { readonly ms: number; readonly perSecond: number },
  job: () => object,
): Promise<Job[]> {
  const began = performance.now();
  const submitted: Promise<Job>[] = [];
  for (let gone = 0; gone < ms; gone = performance.now() - began) {
    while (submitted.length < (gone / 1_000) * perSecond) submitted.push(submit(stack, job()));
    await delay(1_000 / perSecond);
  }
  return await Promise.all(submitted);
}

/** Submits a job as a patient caller does: an edge on a busy machine may refuse it for a while. */
export async function submit(stack: TestStack, body: object): Promise<Job> {
  return await until(
    'a job to be accepted',
    async () => {
      const response = await stack.submit(body);
      const answer: unknown = await response.json();
      if (response.status === 202) return Job.parse(answer);
      await delay(REFUSED_MS);
      throw new Error(`${response.status} ${JSON.stringify(answer)}`);
    },
    PATIENCE_MS,
  );
}

const VALUES = [
  'undefined',
  'null',
  'nan',
  'minus',
  'text',
  'bigint',
  'symbol',
  'function',
  'map',
  'set',
  'response',
  'error',
  'other realm',
  'with causes',
  'aggregate',
  'circle',
  'hostile',
  'holes',
  'invalid date',
  'promise',
  'retry',
  'retry after',
  'reject',
  'done',
  'job error',
];
const NAMED = ['return', 'throw', 'retry after', 'progress', 'log'];

/** A job that makes a mistake: one with a name, a result that is too large, or a generated one. */
export function mistakenJob(dice: Dice): object {
  const maxAttempts = dice.between(1, 3);
  const roll = dice.next();
  if (roll < 0.4) return { operation: 'test.generated', input: { seed: dice.between(1, 1e9) }, maxAttempts };
  const input =
    roll < 0.45
      ? { how: 'large', count: dice.between(30_000, 600_000) }
      : { how: dice.pick(NAMED), value: dice.pick(VALUES) };
  return { operation: 'test.author', input, maxAttempts };
}
