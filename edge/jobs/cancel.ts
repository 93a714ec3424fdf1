import { context } from '@opentelemetry/api';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { isTerminalEvent, type JobEvent, jobOfEvent } from '../../shared/job/event.ts';
import { isTerminal, type Job } from '../../shared/job/job.ts';
import { DELAYED_STREAM, EVENTS_STREAM, JOBS_STREAM } from '../../shared/nats/streams.ts';
import { extract, fromNatsHeaders, inject } from '../../shared/propagation/index.ts';
import { readCallback } from '../../shared/wire/callback.ts';
import { writeCancelHeaders } from '../../shared/wire/cancel.ts';
import { readJobEvent, writeEventHeaders } from '../../shared/wire/event-message.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { idPerRedrive, readRedrive } from '../../shared/wire/redrive.ts';
import {
  cancelSubject,
  delayedSubjectFilter,
  eventSubject,
  jobSubjectFilter,
  subjectMatches,
} from '../../shared/wire/subjects.ts';
import type { CancelCommand, Cancellation } from '../calls/commands.ts';
import type { BrokerConnection } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { ConsumerPlace, StoredMessage } from '../nats/stored-message.ts';
import type { Logger } from '../telemetry/log.ts';
import { sendCallback } from './callback.ts';
import { ofMessage } from './job-reader.ts';
import { ResultWaiter } from './result-waiter.ts';

const SOURCE = '/throughline/bridge';
/** Each try that is lost means that a worker has taken the job one step further. */
const TRIES = 5;
/** A worker that has the job, but has not begun it, ends it at once: worth waiting for. */
const SETTLE_MS = 1_000;

type EventEnd = 'kind' | 'at' | 'worker';
/** What cancelling needs of its bridge. */
export interface CancelParts {
  /** The bridge's name. */
  readonly name: string;
  readonly connection: BrokerConnection;
  readonly log: Logger;
}

/** A job as the streams hold it. */
interface Standing {
  /** Its message in the queue, or undefined when it left. */
  readonly message: StoredMessage | undefined;
  /** Its message in `DELAYED`, where its time has not come. */
  readonly delayed: StoredMessage | undefined;
  readonly event: JobEvent | undefined;
  /** The sequence of its last event; 0: there is none. */
  readonly last: number;
}

/**
 * Cancels a job. The notice comes first: it is durable once `CANCELS` has it, and whoever takes the job from then on
 * knows it. A job that no worker has is then ended here; one that a worker has, by that worker. Both record the end
 * in a way that has exactly one winner (docs/PROTOCOL.md, "Cancelling").
 * @returns undefined when there is no such job
 * @throws ThroughlineError `broker-unavailable`: the job may be cancelled all the same
 */
export function cancel(parts: CancelParts, command: CancelCommand): Promise<Cancellation | undefined> {
  return parts.connection.use(async (session) => {
    const found = await look(session, command);
    if (found === undefined) return undefined;
    if (isEnded(found)) return { job: jobOf(found, command), tooLate: true };
    // It listens from now on, so that an answer to the notice is not missed.
    const waiter = new ResultWaiter(parts.connection, session, command.tenant, command.jobId);
    try {
      return await end(parts, session, command, await announce(session, command, found), waiter);
    } finally {
      waiter.stop();
    }
  });
}

/** @param found what was seen before the notice; a guard on it still holds */
async function end(
  parts: CancelParts,
  session: BrokerSession,
  command: CancelCommand,
  found: Standing,
  waiter: ResultWaiter,
): Promise<Cancellation> {
  let standing = found;
  for (let tries = 1; tries <= TRIES; tries++) {
    if (isEnded(standing)) return outcomeOf(jobOf(standing, command));
    if (await isHeld(session, standing)) break;
    const event = cancelledEvent(parts, command, standing);
    // Out of `DELAYED`, it has no message that could bring its callback up again: that must be safe before its end is.
    if (standing.message === undefined) await callBack(session, command, standing, event);
    if (await record(session, command, standing, event)) {
      await removeFromQueue(parts, session, command, standing, event);
      parts.log.info('job cancelled', { job_id: command.jobId, tenant: command.tenant });
      return { job: jobOfEvent(event), tooLate: false };
    }
    standing = (await look(session, command)) ?? standing;
  }
  const waitMs = standing.event === undefined ? Math.max(SETTLE_MS, command.waitMs) : command.waitMs;
  const ended = await waiter.end(Date.now() + waitMs);
  if (ended !== undefined) return outcomeOf(jobOfEvent(ended.event));
  const { latest } = waiter;
  const job = latest === undefined ? jobOf(standing, command) : jobOfEvent(latest);
  // Its end may have been heard although nobody waited for it.
  return isTerminal(job.state) ? outcomeOf(job) : { job, tooLate: false };
}

function outcomeOf(job: Job): Cancellation {
  return { job, tooLate: job.state !== 'cancelled' };
}

/**
 * Tells of the cancel. A delayed job is taken out of `DELAYED` behind the notice; one whose time comes at that very
 * moment is found in the queue then, and the notice holds for it too.
 * @returns how the job stands then
 */
async function announce(session: BrokerSession, command: CancelCommand, found: Standing): Promise<Standing> {
  if (found.message !== undefined) await notify(session, command, found.message.sequence);
  if (found.delayed === undefined) return found;
  // What its sequence in the queue would be is not known yet.
  await notify(session, command, Number.MAX_SAFE_INTEGER);
  await session.remove(DELAYED_STREAM, found.delayed.sequence).catch(() => undefined);
  const message = await session.lastMessage(JOBS_STREAM, jobSubjectFilter(command.tenant, command.jobId));
  return { ...found, message };
}

/** The queue first: a job that is not there any more has its end recorded already. */
async function look(session: BrokerSession, { tenant, jobId }: CancelCommand): Promise<Standing | undefined> {
  const message = await session.lastMessage(JOBS_STREAM, jobSubjectFilter(tenant, jobId));
  const stored = await session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId));
  const event = stored === undefined ? undefined : readJobEvent(stored.data);
  const last = stored?.sequence ?? 0;
  if (message !== undefined)
    return { message, delayed: undefined, event: sinceRedrive(event, message), last };
  if (event !== undefined) return { message, delayed: undefined, event, last };
  // A server before 2.12 has no such stream.
  const delayed = await session.lastMessage(DELAYED_STREAM, delayedSubjectFilter(tenant, jobId), true);
  return delayed === undefined ? undefined : { message, delayed, event, last };
}

/** What happened before the message's redrive does not count. */
function sinceRedrive(event: JobEvent | undefined, message: StoredMessage): JobEvent | undefined {
  const redriveCount = readRedrive(headerValues(message.headers))?.redriveCount ?? 0;
  return event === undefined || (event.redriveCount ?? 0) < redriveCount ? undefined : event;
}

function isEnded({ event }: Standing): boolean {
  return event !== undefined && isTerminalEvent(event);
}

/**
 * Whether a worker may be at the job. Asked after the notice was acknowledged: what a consumer delivers from now on
 * reaches its worker behind the notice.
 */
async function isHeld(session: BrokerSession, { event, message }: Standing): Promise<boolean> {
  if (event !== undefined) return event.kind === 'started' || event.kind === 'progress';
  return message !== undefined && isDelivered(await session.consumers(JOBS_STREAM), message);
}

/** Whether a message has been delivered to a worker, ever. */
export function isDelivered(
  consumers: readonly ConsumerPlace[],
  { subject, sequence }: Pick<StoredMessage, 'subject' | 'sequence'>,
): boolean {
  return consumers.some(({ filter, delivered }) => delivered >= sequence && subjectMatches(filter, subject));
}

/** Tells all workers, and `CANCELS`; the acknowledgement comes after the workers' copies are on their way. */
async function notify(session: BrokerSession, command: CancelCommand, sequence: number): Promise<void> {
  const { tenant, jobId } = command;
  const notice = { jobId, sequence, source: SOURCE, at: new Date().toISOString() };
  const carrier = inject(context.active());
  await session.publish(
    cancelSubject(tenant, jobId),
    (set) => writeCancelHeaders(notice, carrier, set),
    new Uint8Array(),
  );
}

function record(
  session: BrokerSession,
  { tenant, jobId }: CancelCommand,
  { last }: Standing,
  event: JobEvent,
): Promise<boolean> {
  const ids = { messageId: idPerRedrive(`${jobId}:end`, event.redriveCount), source: SOURCE };
  const carrier = inject(context.active());
  return session.publishAfter(
    last,
    eventSubject(tenant, jobId),
    (set) => writeEventHeaders(event, ids, carrier, set),
    writeJson(event),
  );
}

/** The end of a job that no worker has; it stays in the job's own trace. */
export function cancelledEvent(
  { name }: Pick<CancelParts, 'name'>,
  command: Pick<CancelCommand, 'jobId'>,
  standing: Standing,
): JobEvent {
  const {
    progress: _,
    result: __,
    retryInMs: ___,
    ...kept
  } = standing.event ?? firstEvent(standing, command);
  return {
    ...kept,
    kind: 'cancelled',
    at: new Date().toISOString(),
    worker: name,
    error: { code: 'job-cancelled', message: 'cancelled by its caller' },
  };
}

/** What an event would say of a job to which nothing has happened. */
function firstEvent(standing: Standing, command: Pick<CancelCommand, 'jobId'>): Omit<JobEvent, EventEnd> {
  const { operation, attempt, maxAttempts, acceptedAt, traceId } = jobOf(standing, command);
  const { jobId } = command;
  const first = { jobId, operation, attempt, maxAttempts, released: 0, acceptedAt, traceId, spanId: '' };
  return { ...first, ...carriedOver(standing) };
}

/** What a job's message says of it that each of its events repeats. */
function carriedOver({
  message,
  delayed,
}: Standing): Pick<JobEvent, 'fingerprint' | 'redriveCount' | 'previousTraceIds'> {
  const source = message ?? delayed;
  if (source === undefined) return {};
  const redrive = readRedrive(headerValues(source.headers));
  const { fingerprint } = ofMessage('', source);
  return {
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(redrive === undefined
      ? {}
      : { redriveCount: redrive.redriveCount, previousTraceIds: [...redrive.previousTraceIds] }),
  };
}

function jobOf({ event, message, delayed }: Standing, { jobId }: Pick<CancelCommand, 'jobId'>): Job {
  if (event !== undefined) return jobOfEvent(event);
  const source = message ?? delayed;
  if (source !== undefined) return ofMessage(jobId, source).job;
  throw new ThroughlineError('internal', 'a job that stands nowhere was to be cancelled');
}

/** In the job's own trace: its callback is part of it, and not of the request that cancelled. */
async function callBack(
  session: BrokerSession,
  { tenant }: Pick<CancelCommand, 'tenant'>,
  { message, delayed }: Standing,
  event: JobEvent,
): Promise<void> {
  const { headers } = message ?? delayed ?? {};
  const carrier = inject(extract(fromNatsHeaders(headers)).context);
  await sendCallback(session, tenant, readCallback(headerValues(headers)), event, carrier);
}

/**
 * Its end is recorded: a worker that gets the message all the same only sees to its callback, and acknowledges it. So
 * the message stays until the callback is stored.
 */
async function removeFromQueue(
  { log }: CancelParts,
  session: BrokerSession,
  command: Pick<CancelCommand, 'tenant'>,
  standing: Standing,
  event: JobEvent,
): Promise<void> {
  const { message } = standing;
  if (message === undefined) return;
  try {
    await callBack(session, command, standing, event);
    await session.remove(JOBS_STREAM, message.sequence);
  } catch (thrown) {
    log.warn('a cancelled job stays in the queue until a worker takes it', {
      reason: describeThrown(thrown),
    });
  }
}
