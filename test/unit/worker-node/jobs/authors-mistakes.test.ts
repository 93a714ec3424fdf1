import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { isTerminalEvent } from '../../../../shared/job/event.ts';
import { BrokerRetry } from '../../../../worker-node/broker/broker-retry.ts';
import { CallbackPublisher } from '../../../../worker-node/broker/callbacks/callback-publisher.ts';
import { EventPublisher } from '../../../../worker-node/broker/event-publisher.ts';
import { JobRecords } from '../../../../worker-node/broker/job-record.ts';
import { StoredPublisher } from '../../../../worker-node/broker/stored-publisher.ts';
import { CancelMemory } from '../../../../worker-node/jobs/cancel-memory.ts';
import { JobPipeline } from '../../../../worker-node/jobs/pipeline.ts';
import { defineOperation } from '../../../../worker-node/operations/operation.ts';
import { createRegistry } from '../../../../worker-node/operations/operation-registry.ts';
import { type Mistake, mistakes } from '../../../support/authors-mistakes.ts';
import { MemoryBroker } from '../memory-broker.ts';
import { delivery, IDLE, quiet } from '../support.ts';
import { limitsAt, pausesOf } from './pipeline-support.ts';

/** Delivers a job until it leaves the queue. @returns how often it was delivered */
async function deliver(broker: MemoryBroker, acts: readonly Mistake[], maxAttempts: number): Promise<number> {
  let runs = 0;
  const run: Mistake = (context) => acts[Math.min(runs++, acts.length - 1)]?.(context);
  const operation = defineOperation({ name: 'echo', input: z.unknown(), maxAttempts, run });
  const broking = new BrokerRetry({ log: quiet, patience: new AbortController().signal });
  const publisher = new StoredPublisher(broker.jetStream, broking, 'worker-1');
  const pipeline = new JobPipeline({
    clock: { aheadMs: 0 },
    limits: limitsAt(broker, publisher, broking),
    isReplaced: async () => false,
    pauses: pausesOf(new Set()),
    publisher,
    events: new EventPublisher(publisher),
    records: new JobRecords(broker.manager, broking),
    callbacks: new CallbackPublisher(publisher),
    cancels: new CancelMemory(),
    registry: createRegistry([operation]),
    log: quiet,
    metrics: {
      jobSettled: () => undefined,
      contextExtracted: () => undefined,
      messageProcessed: () => undefined,
      attemptStarted: () => undefined,
      attemptEnded: () => undefined,
      recordUnreadable: () => undefined,
    },
    worker: 'worker-1',
    group: 'workers',
    ackWaitMs: 30_000,
    tracing: false,
    random: () => 0.5,
    missing: { pauseMs: () => 0 },
  });
  for (let deliveryCount = 1; ; deliveryCount++) {
    const job = delivery({ deliveryCount, isFirst: deliveryCount === 1 });
    await pipeline.process(job, IDLE);
    const [ack] = job.acks;
    if (ack?.kind !== 'nak') return deliveryCount;
    expect(Number.isInteger(ack.delayMs) && ack.delayMs >= 0 && ack.delayMs <= 86_400_000).toBe(true);
    if (deliveryCount > maxAttempts) return Number.POSITIVE_INFINITY;
  }
}

it('a job has one end within its attempts, whatever its operation returns, throws, reports and logs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(mistakes(), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 3 }),
      async (acts, maxAttempts) => {
        const broker = new MemoryBroker();
        expect(await deliver(broker, acts, maxAttempts)).toBeLessThanOrEqual(maxAttempts);
        expect(broker.events).toHaveLength(broker.on('events').length);
        expect(broker.events.filter(isTerminalEvent)).toHaveLength(1);
        expect(broker.events.at(-1)).toSatisfy(isTerminalEvent);
      },
    ),
    { numRuns: 500 },
  );
});
