import { context } from '@opentelemetry/api';
import { describeThrown } from '../../shared/errors.ts';
import { acceptedJobOfEvent, type JobEvent, jobOfEvent, makeEvent } from '../../shared/job/event.ts';
import { CANCELLED_ERROR, isTerminal, type Job } from '../../shared/job/job.ts';
import { DELAYED_STREAM, JOBS_STREAM } from '../../shared/nats/streams.ts';
import { extract, fromNatsHeaders, inject } from '../../shared/propagation/index.ts';
import { writeCancelHeaders } from '../../shared/wire/cancel.ts';
import { writeEventHeaders } from '../../shared/wire/event-message.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { readJobSpec } from '../../shared/wire/job-headers.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { idPerRedrive } from '../../shared/wire/redrive.ts';
import { cancelSubject, eventSubject, subjectMatches } from '../../shared/wire/subjects.ts';
import type { CancelCommand, Cancellation } from '../calls/commands.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { ConsumerPlace, StoredMessage } from '../nats/stored-message.ts';
import type { Logger } from '../telemetry/log.ts';
import { type BrokerRecord, findRecord, isEnded, jobOfRecord, messageOf } from './broker-record.ts';
import { storeCallbackTask } from './callback-task.ts';
import { acceptedJobOfMessage, queuedMessage } from './job-reader.ts';
import { BRIDGE_SOURCE } from './publish-job.ts';
import { ResultWaiter } from './result-waiter.ts';

/** Each lost try means that a worker has moved the job one step on. */
const TRIES = 5;
/** A worker that has the job, but has not begun it, ends it at once: worth waiting for. */
const WORKER_MS = 1_000;

/** What cancelling needs of its bridge. */
export interface CancelParts {
  /** The bridge's name. */
  readonly name: string;
  readonly connection: BrokerAccess;
  readonly log: Logger;
}

/** One cancellation on its way. */
interface Cancelling {
  readonly parts: CancelParts;
  readonly session: BrokerSession;
  readonly command: CancelCommand;
}

/**
 * Cancels a job that NATS has. First a notice is stored: from then on, every worker that takes the job knows of it.
 * Then the job is ended, by this bridge if no worker has it, else by its worker. Exactly one of them records the end
 * (docs/PROTOCOL.md, "Cancelling").
 * @returns undefined when there is no such job
 * @throws ThroughlineError `broker-unavailable`; the job may be cancelled all the same
 */
export function cancelAtBroker(
  parts: CancelParts,
  command: CancelCommand,
): Promise<Cancellation | undefined> {
  return parts.connection.use(async (session) => {
    const found = await findRecord(session, command);
    if (found === undefined) return undefined;
    if (isEnded(found)) return { job: jobOfRecord(found), tooLate: true };
    const cancelling = { parts, session, command };
    // It listens before the notice is sent, so that it cannot miss the worker's answer.
    const waiter = ResultWaiter.start(parts.connection, session, command);
    try {
      const noticed = await sendNotices(cancelling, found);
      const here = await endHere(cancelling, noticed);
      return here.cancellation ?? (await awaitWorker(command, here.record, waiter));
    } finally {
      waiter.stop();
    }
  });
}

/**
 * Stores the notice. A delayed job is taken out of `DELAYED` after that; if its time comes at this very moment, it is
 * found in the queue, and the notice holds for it too.
 * @returns the record as it is then
 */
async function sendNotices(cancelling: Cancelling, found: BrokerRecord): Promise<BrokerRecord> {
  const { session, command } = cancelling;
  if (found.queued !== undefined) await sendNotice(cancelling, found.queued.sequence);
  if (found.delayed === undefined) return found;
  // The sequence that it would have in the queue is not known yet.
  await sendNotice(cancelling, Number.MAX_SAFE_INTEGER);
  await session.remove(DELAYED_STREAM, found.delayed.sequence).catch(() => undefined);
  const queued = await queuedMessage(session, command.tenant, command.jobId);
  return { ...found, queued };
}

/** Tells all workers, and `CANCELS`. The acknowledgement comes after the workers' copies were sent. */
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

/** How an attempt to end a job here went: its cancellation, or the record of a job that a worker has. */
interface EndedHere {
  readonly cancellation?: Cancellation;
  readonly record: BrokerRecord;
}

/** Ends the job, unless a worker has it. @param noticed as it was before the notice; it still guards the write */
async function endHere(cancelling: Cancelling, noticed: BrokerRecord): Promise<EndedHere> {
  const { parts, session, command } = cancelling;
  let record = noticed;
  for (let tries = 1; tries <= TRIES; tries++) {
    if (isEnded(record)) return { cancellation: outcomeOf(jobOfRecord(record)), record };
    if (await isHeld(session, record)) break;
    const event = cancelledEvent(parts.name, record);
    // A job out of `DELAYED` has no message that could send its callback later, so the callback is stored first.
    if (record.queued === undefined) await storeCallback(cancelling, record, event);
    if (await recordEnd(cancelling, record, event)) {
      await removeFromQueue(cancelling, record, event);
      parts.log.info('job cancelled', { job_id: command.jobId, tenant: command.tenant });
      return { cancellation: { job: jobOfEvent(event), tooLate: false }, record };
    }
    record = (await findRecord(session, command)) ?? record;
  }
  return { record };
}

/** Waits for the worker that has the job to end it, as long as the caller asked for, or a moment if it has not begun. */
async function awaitWorker(
  command: CancelCommand,
  record: BrokerRecord,
  waiter: ResultWaiter,
): Promise<Cancellation> {
  const waitMs = record.event === undefined ? Math.max(WORKER_MS, command.waitMs) : command.waitMs;
  const ended = await waiter.end(Date.now() + waitMs);
  if (ended !== undefined) return outcomeOf(jobOfEvent(ended.event));
  const { latest } = waiter;
  const job = latest === undefined ? jobOfRecord(record) : jobOfEvent(latest);
  // The end may have come before anybody waited for it.
  return isTerminal(job.state) ? outcomeOf(job) : { job, tooLate: false };
}

function outcomeOf(job: Job): Cancellation {
  return { job, tooLate: job.state !== 'cancelled' };
}

/**
 * Whether a worker may have the job. It is asked after the notice was acknowledged: a message that is delivered from
 * now on reaches its worker after the notice.
 */
async function isHeld(session: BrokerSession, { event, queued }: BrokerRecord): Promise<boolean> {
  if (event !== undefined) return event.kind === 'started' || event.kind === 'progress';
  return queued !== undefined && isDelivered(await session.consumers(JOBS_STREAM), queued);
}

/** Whether a message was ever delivered to a worker. */
export function isDelivered(
  consumers: readonly ConsumerPlace[],
  { subject, sequence }: Pick<StoredMessage, 'subject' | 'sequence'>,
): boolean {
  return consumers.some(({ filter, delivered }) => delivered >= sequence && subjectMatches(filter, subject));
}

/**
 * The end of a job that was cancelled before a worker began it, or between two attempts. It stays in the job's own trace.
 * @param bridge the name of the bridge that ends it
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

/** @returns false where another event was recorded since the record was read */
function recordEnd(
  { session, command }: Cancelling,
  { lastSequence }: BrokerRecord,
  event: JobEvent,
): Promise<boolean> {
  const { tenant, jobId } = command;
  const ids = { messageId: idPerRedrive(`${jobId}:end`, event.redriveCount), source: BRIDGE_SOURCE };
  const carrier = inject(context.active());
  return session.publishAfter(
    lastSequence,
    eventSubject(tenant, jobId),
    (set) => writeEventHeaders(event, ids, carrier, set),
    writeJson(event),
  );
}

/** Stores the job's callback in the trace of the job, not of the request that cancels it. */
async function storeCallback(
  { session, command }: Cancelling,
  { queued, delayed }: BrokerRecord,
  event: JobEvent,
): Promise<void> {
  const { headers } = queued ?? delayed ?? {};
  const carrier = inject(extract(fromNatsHeaders(headers)).context);
  await storeCallbackTask(
    session,
    command.tenant,
    readJobSpec(headerValues(headers)).callback,
    event,
    carrier,
  );
}

/**
 * Removes the message of a job whose end is recorded. A worker that gets it before that sends the callback and
 * acknowledges it, so the message stays until the callback is stored.
 */
async function removeFromQueue(cancelling: Cancelling, record: BrokerRecord, event: JobEvent): Promise<void> {
  const { parts, session } = cancelling;
  if (record.queued === undefined) return;
  try {
    await storeCallback(cancelling, record, event);
    await session.remove(JOBS_STREAM, record.queued.sequence);
  } catch (thrown) {
    parts.log.warn('a cancelled job stays in the queue until a worker takes it', {
      reason: describeThrown(thrown),
    });
  }
}
