import { eventOfRedrive } from '../../shared/job/redrive.ts';
import type { Delivery } from '../broker/consume/delivery.ts';
import { EMPTY_RECORD } from '../broker/job-record.ts';
import type { OperationRegistry } from '../operations/operation-registry.ts';
import { attemptOf } from './attempt/attempt.ts';
import { EventChain, type EventChainParts } from './attempt/event-chain.ts';
import { redriveCountOf } from './attempt/redrive-count.ts';
import { StartMoments } from './attempt/start-moments.ts';
import type { Decoded, Recalled } from './pipeline-steps.ts';

const moments = new StartMoments();

export interface RecallParts extends EventChainParts {
  readonly registry: OperationRegistry;
}

/**
 * Reads what is recorded about the job of a delivery, and counts the attempts.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function recall(parts: RecallParts, decoded: Decoded): Promise<Recalled> {
  const { delivery, job, held } = decoded;
  const record = needsRecord(decoded) ? await parts.records.read(job.address) : EMPTY_RECORD;
  if (record.cancel !== undefined) held.take(record.cancel);
  const operation = parts.registry.get(job.address.operation);
  const previous = eventOfRedrive(record.event, redriveCountOf(job));
  const attempt = attemptOf(delivery, job, operation, previous, moments.next(job.address));
  const chain = new EventChain(parts, attempt, record.lastSequence, held.abort);
  return { ...decoded, record, attempt, chain };
}

/** The same attempt, if it starts only now: it waited since its job's record was read. */
export function startingNow<Step extends Recalled>(parts: RecallParts, step: Step): Step {
  const { delivery, job, record, held } = step;
  const { operation, previous } = step.attempt;
  const attempt = attemptOf(delivery, job, operation, previous, moments.next(job.address));
  return { ...step, attempt, chain: new EventChain(parts, attempt, record.lastSequence, held.abort) };
}

/**
 * Whether to read the job's record. A message that no worker got before is usually the first one of its job. Then there
 * is no record, and the worker does not ask the broker. If there is a record after all, the claim fails and returns it.
 */
function needsRecord({ delivery, job, held, fault }: Decoded): boolean {
  if (fault !== undefined) return false;
  return !isFirstMessage(delivery, job) || job.publishedAgain === true || held.notice !== undefined;
}

/**
 * Whether no worker got this message before, and its job was not redriven. If the job has started although this is so,
 * the job has another message, and the delivery of that message goes on with the job. If that delivery is lost, this
 * message is delivered again after its ack wait, and its job runs.
 */
export function isFirstMessage(delivery: Delivery, job: Decoded['job']): boolean {
  return delivery.isFirst && redriveCountOf(job) === 0;
}
