import { context, trace } from '@opentelemetry/api';
import { describeThrown } from '../../shared/errors.ts';
import { CANCELLED_ERROR } from '../../shared/job/attempt-report.ts';
import { acceptedJobOfEvent, type JobEvent, jobOfEvent, makeEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import { DELAYED_STREAM, JOBS_STREAM } from '../../shared/nats/streams.ts';
import { type Carrier, extract, fromNatsHeaders, inject } from '../../shared/propagation/index.ts';
import { writeCancelHeaders } from '../../shared/wire/cancel.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { readJobSpec } from '../../shared/wire/job-headers.ts';
import { cancelSubject, subjectMatches } from '../../shared/wire/subjects.ts';
import type { CancelCommand, Cancellation } from '../calls/commands.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import type { BrokerSession, MessageReads } from '../nats/broker-session.ts';
import type { ConsumerPlace, StoredMessage } from '../nats/stored-message.ts';
import type { Logger } from '../telemetry/log.ts';
import { type BrokerRecord, findRecord, isEnded, jobOfRecord, messageOf } from './broker-record.ts';
import { storeCallbackTask } from './callback-task.ts';
import { acceptedJobOfMessage, queuedMessage } from './job-reader.ts';
import { publishEvent } from './publish-event.ts';
import { BRIDGE_SOURCE } from './publish-job.ts';
import { jobSpanOf } from './redrive-span.ts';
import { ResultWaiter } from './result-waiter.ts';

/** How many times the bridge tries to end a job. A try fails if a worker has recorded an event of the job meanwhile. */
const TRIES = 5;
/** How long to wait for a worker that has the job but has not started it. Such a worker ends the job immediately. */
const WORKER_MS = 1_000;

/** What a cancellation needs from its bridge. */
export interface CancelParts {
  /** The bridge's name. */
  readonly name: string;
  readonly connection: BrokerAccess;
  readonly log: Logger;
  /** Reads the consumers of the queue. Several cancels may share one read, if it begins after their calls. */
  readonly consumers?: (session: BrokerSession) => Promise<readonly ConsumerPlace[]>;
  /** Gets the removal of a message, which the answer does not wait for. The promise never rejects. */
  readonly onRemoval?: (removal: Promise<void>) => void;
}

/** Which job to cancel, and for how long to wait for its end. The active context has the trace of the request. */
export type Cancel = Omit<CancelCommand, 'carrier' | 'quotas'>;

/** A cancel that is being carried out, and what the work needs. */
interface Cancelling {
  readonly parts: CancelParts;
  readonly session: BrokerSession;
  readonly reads: MessageReads;
  readonly command: Cancel;
}

/**
 * Cancels a job that NATS has. A cancel notice is stored first. From then on, each worker that takes the job finds the
 * notice. If no worker has the job, this bridge ends the job. Otherwise the worker ends the job. Only one of them
 * records the end (docs/PROTOCOL.md, "Cancelling").
 * @param readsOf whose turns the reads take
 * @returns undefined when there is no such job
 * @throws ThroughlineError `broker-unavailable`. The job may be cancelled although this error was thrown
 */
export function cancelAtBroker(
  parts: CancelParts,
  command: Cancel,
  readsOf: (session: BrokerSession) => MessageReads = (session) => session,
): Promise<Cancellation | undefined> {
  return parts.connection.use(async (session) => {
    // The waiter listens before the job is read, so that it cannot miss an end that comes after that.
    const waiter = ResultWaiter.start(parts.connection, session, command);
    try {
      const reads = readsOf(session);
      const found = await findRecord(reads, command);
      if (found === undefined) return undefined;
      if (isEnded(found)) return { job: jobOfRecord(found), tooLate: true };
      const cancelling = { parts, session, reads, command };
      const result = await endInBridge(cancelling, await sendNotices(cancelling, found));
      return 'heldBy' in result ? await awaitWorker(command, result.record, waiter) : result;
    } finally {
      waiter.stop();
    }
  });
}

/**
 * Stores the cancel notice, and then removes the message of a delayed job from `DELAYED`. If the job becomes due at
 * this moment, its message is in the queue, and the notice is valid for that message too.
 * @returns the record `found`. If the job was delayed, its queue message is read again
 */
async function sendNotices(cancelling: Cancelling, found: BrokerRecord): Promise<BrokerRecord> {
  const { session, reads, command } = cancelling;
  if (found.queued !== undefined) await sendNotice(cancelling, found.queued.sequence);
  if (found.delayed === undefined) return found;
  // Nobody knows yet which sequence the message would get in the queue, so the notice is for every sequence.
  await sendNotice(cancelling, Number.MAX_SAFE_INTEGER);
  await session.remove(DELAYED_STREAM, found.delayed.sequence).catch(() => undefined);
  const queued = await queuedMessage(reads, command.tenant, command.jobId);
  return { ...found, queued };
}

/**
 * Publishes the cancel notice to all workers. The stream `CANCELS` stores the notice. NATS acknowledges the notice
 * after sending it to the workers.
 */
async function sendNotice({ session, command }: Cancelling, sequence: number): Promise<void> {
  const { tenant, jobId } = command;
  const notice = { jobId, sequence, source: BRIDGE_SOURCE, at: new Date().toISOString() };
  const carrier = inject(context.active());
  await session.publish(
    cancelSubject(tenant, jobId),
    (set) => writeCancelHeaders(notice, carrier, set),
    new Uint8Array(),
  );
}

/** The job must not be ended by the bridge, because a worker has it. */
interface HeldByWorker {
  readonly heldBy: 'worker';
  readonly record: BrokerRecord;
}

/**
 * Ends the job in this bridge, unless a worker has it.
 * @param found the record that was read before the notice was stored. If an event was recorded since, the write fails
 */
async function endInBridge(
  cancelling: Cancelling,
  found: BrokerRecord,
): Promise<Cancellation | HeldByWorker> {
  const { parts, reads, command } = cancelling;
  let record = found;
  for (let tries = 1; tries <= TRIES; tries++) {
    if (isEnded(record)) return cancellationOf(jobOfRecord(record));
    if (await isHeld(cancelling, record)) break;
    const event = cancelledEvent(parts.name, record);
    // A delayed job has no message now, so no worker could store its callback later. The callback is stored first.
    if (record.queued === undefined) await storeCallback(cancelling, record, event);
    if (await recordEnd(cancelling, record, event)) {
      // A worker that takes the message before it is removed finds the end.
      const removal = storeCallbackAndRemove(cancelling, record, event);
      parts.onRemoval?.(removal);
      parts.log.info('job cancelled', { job_id: command.jobId, tenant: command.tenant });
      return { job: jobOfEvent(event), tooLate: false };
    }
    record = (await findRecord(reads, command)) ?? record;
  }
  return { heldBy: 'worker', record };
}

/**
 * Waits until the worker ends the job, for as long as the caller asked. If the job has not started, the wait lasts at
 * least {@link WORKER_MS}.
 */
async function awaitWorker(
  command: Cancel,
  record: BrokerRecord,
  waiter: ResultWaiter,
): Promise<Cancellation> {
  const waitMs = record.event === undefined ? Math.max(WORKER_MS, command.waitMs) : command.waitMs;
  const ended = await waiter.end(Date.now() + waitMs);
  if (ended !== undefined) return cancellationOf(jobOfEvent(ended.event));
  const { latest } = waiter;
  const job = latest === undefined ? jobOfRecord(record) : jobOfEvent(latest);
  // The worker may have ended the job before the waiter waited for its end.
  return isTerminal(job.state) ? cancellationOf(job) : { job, tooLate: false };
}

function cancellationOf(job: Job): Cancellation {
  return { job, tooLate: job.state !== 'cancelled' };
}

/**
 * Whether a worker may have the job. Call this after NATS has acknowledged the notice: a worker that gets the job's
 * message later has already got the notice.
 */
async function isHeld({ parts, session }: Cancelling, { event, queued }: BrokerRecord): Promise<boolean> {
  if (event !== undefined) return event.kind === 'started' || event.kind === 'progress';
  if (queued === undefined) return false;
  return isDelivered(await (parts.consumers ?? consumersOfQueue)(session), queued);
}

/** The consumers of the queue, and how far each has got. @throws ThroughlineError `broker-unavailable` */
export function consumersOfQueue(session: BrokerSession): Promise<readonly ConsumerPlace[]> {
  return session.consumers(JOBS_STREAM);
}

/** Whether a message was ever delivered to a worker. */
export function isDelivered(
  consumers: readonly ConsumerPlace[],
  { subject, sequence }: Pick<StoredMessage, 'subject' | 'sequence'>,
): boolean {
  return consumers.some(({ filter, delivered }) => delivered >= sequence && subjectMatches(filter, subject));
}

/**
 * Makes the event that ends a job which was cancelled before its first attempt or between two attempts. The event
 * belongs to the job's own trace.
 * @param bridge the name of the bridge that ends the job
 */
export function cancelledEvent(bridge: string, record: BrokerRecord): JobEvent {
  const ended = { worker: bridge, error: CANCELLED_ERROR };
  if (record.event === undefined) {
    const { traceId } = jobOfRecord(record);
    const job = acceptedJobOfMessage(messageOf(record));
    return makeEvent('cancelled', job, { ...ended, attempt: 0, traceId, spanId: '' });
  }
  const { attempt, released, startedAt, traceId, spanId } = record.event;
  const last = { attempt, released, startedAt, traceId, spanId };
  return makeEvent('cancelled', acceptedJobOfEvent(record.event), { ...ended, ...last });
}

/** Records the end of the job. @returns false if another event was recorded since the record was read */
function recordEnd(
  { session, command }: Cancelling,
  record: BrokerRecord,
  event: JobEvent,
): Promise<boolean> {
  return publishEvent(session, command, event, record.lastSequence, carrierOf(record));
}

/** Stores the callback task of the job. */
async function storeCallback(
  { session, command }: Cancelling,
  record: BrokerRecord,
  event: JobEvent,
): Promise<void> {
  const { callback } = readJobSpec(headerValues(messageIn(record).headers));
  await storeCallbackTask(session, command.tenant, callback, event, carrierOf(record));
}

/** The trace of the job, and not that of the request that cancels it. */
function carrierOf(record: BrokerRecord): Carrier {
  const message = messageIn(record);
  const { context: sent } = extract(fromNatsHeaders(message.headers));
  const span = jobSpanOf(message, record.event);
  return inject(span === undefined ? sent : trace.setSpanContext(sent, span));
}

/** The job's message. Without headers if there is none any more. */
function messageIn({ queued, delayed }: BrokerRecord): Partial<Pick<StoredMessage, 'headers'>> {
  return queued ?? delayed ?? {};
}

/**
 * Stores the callback task of an ended job, and then removes the job's message from the queue. The message stays until
 * the task is stored. If this bridge fails before that, a worker gets the message and stores the task. Never rejects.
 */
async function storeCallbackAndRemove(
  cancelling: Cancelling,
  record: BrokerRecord,
  event: JobEvent,
): Promise<void> {
  const { parts, session } = cancelling;
  if (record.queued === undefined) return;
  try {
    await storeCallback(cancelling, record, event);
    await session.remove(JOBS_STREAM, record.queued.sequence);
  } catch (thrown) {
    parts.log.warn('a cancelled job stays in the queue until a worker takes it', {
      job_id: event.jobId,
      reason: describeThrown(thrown),
    });
  }
}
