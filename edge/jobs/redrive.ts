import { type Context, type SpanContext, trace } from '@opentelemetry/api';
import type { Usage } from '../../shared/api/usage.ts';
import { errorFrom, loggedReason } from '../../shared/error-table.ts';
import { ThroughlineError, unknownDeadLetter } from '../../shared/errors.ts';
import { type JobEvent, jobOfEvent, makeEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import type { JobAddress, JobKey } from '../../shared/job/job-address.ts';
import { withoutDelay } from '../../shared/job/job-spec.ts';
import { nextRedrive, type Redrive } from '../../shared/job/redrive.ts';
import { DEAD_STREAM } from '../../shared/nats/streams.ts';
import { extract, fromNatsHeaders, inject } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { HEADER, headerValues } from '../../shared/wire/headers.ts';
import { readJobSpec } from '../../shared/wire/job-headers.ts';
import { writeJobHeaders } from '../../shared/wire/job-message.ts';
import { routeOf } from '../../shared/wire/lanes.ts';
import { readRedrive, redriveMessageId } from '../../shared/wire/redrive.ts';
import { deadLetterFilter, jobSubject, parseJobSubject } from '../../shared/wire/subjects.ts';
import { type UsageBook, usageOfJob } from '../access/usage-book.ts';
import type { LimitedCommand } from '../calls/commands.ts';
import type { Redriven } from '../calls/dead-letter-commands.ts';
import type { BrokerSession, WriteHeaders } from '../nats/broker-session.ts';
import type { RequestBroker } from '../nats/request-broker.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import type { Logger } from '../telemetry/log.ts';
import { plainSpanContext } from '../telemetry/root-span.ts';
import { lastDeadLetter } from './dead-letters.ts';
import {
  acceptedJobOfMessage,
  lastEvent,
  lastEventMessage,
  queuedMessage,
  readJob,
  readStoredEvent,
} from './job-reader.ts';
import { runInSendSpan } from './job-spans.ts';
import { jobFields } from './outgoing-job.ts';
import { publishEvent } from './publish-event.ts';
import { BRIDGE_SOURCE } from './publish-job.ts';
import { jobSpanOf, startRedriveSpan } from './redrive-span.ts';

/** What a redrive needs from its bridge. */
export interface RedriveParts {
  /** The bridge's name. */
  readonly name: string;
  readonly log: Logger;
  readonly operations: { readonly isLimited: (operation: string) => boolean };
  /** Decides which redriven jobs may go to the pooled lane of their tenant. */
  readonly pooled: {
    readonly admitRedriven: (broker: Pick<RequestBroker, 'ask'>, job: RedrivenJob) => Promise<boolean>;
    readonly forget: (job: RedrivenJob) => void;
  };
  /** Refuses what does not fit into the quotas of its tenant. */
  readonly usage: Pick<UsageBook, 'restart' | 'settled' | 'refresh'>;
  readonly quotasOf: (command: LimitedCommand) => Usage;
}

interface RedrivenJob extends JobKey {
  readonly redriveCount: number;
}

/** A redrive that is being carried out: the dead letter, and what NATS knows of its job. */
interface Redriving {
  readonly parts: RedriveParts;
  readonly session: BrokerSession;
  /** Who asked for it. */
  readonly command: LimitedCommand;
  readonly deadLetter: StoredMessage;
  readonly address: JobAddress;
  /** The redrive count of the new message, and the traces that the job had before. */
  readonly redrive: Redrive;
  /** The job's message in the queue, if there is one. */
  readonly queued: StoredMessage | undefined;
  /** The job's last event. */
  readonly event: JobEvent | undefined;
  /** The sequence of the last event; 0 if there is no event. The redrive must not overwrite a newer event. */
  readonly lastSequence: number;
}

/**
 * Redrives the dead letter of a job.
 * @returns the job as it is after the redrive
 * @throws ThroughlineError `dead-letter-unknown`, `not-dead`, `quota-exceeded`, `payload-too-large`, `broker-unavailable`,
 *   `stream-full`, `broker-refused`. The dead letter still exists after an error
 */
export async function redriveJob(
  parts: RedriveParts,
  session: BrokerSession,
  command: LimitedCommand & { readonly jobId: string },
): Promise<Redriven> {
  const { tenant, jobId } = command;
  const [deadLetter, known] = await Promise.all([
    lastDeadLetter(session, tenant, jobId),
    readKnown(session, tenant, jobId),
  ]);
  if (deadLetter !== undefined) return await redriveAs(parts, session, command, { deadLetter, known });
  const job = await readJob(session, tenant, jobId);
  if (job === undefined) throw unknownDeadLetter(jobId);
  throw new ThroughlineError('not-dead', `the job is not dead: it is ${job.state}`);
}

/**
 * Redrives one dead letter. Publishes the job's message, records the `redriven` event, and then removes the dead
 * letter, one after the other. The message is published first, so that a crash cannot lose the job. The message id holds the
 * sequence of the dead letter, so NATS drops a second message. After an interruption the same redrive can be requested again.
 * @param counted resolves when the usage of the tenant is known. Its quotas are checked after that
 */
export async function redriveDeadLetter(
  parts: RedriveParts,
  session: BrokerSession,
  command: LimitedCommand,
  deadLetter: StoredMessage,
  counted: Promise<void>,
): Promise<Redriven> {
  const { tenant, jobId } = addressOf(deadLetter);
  const [known] = await Promise.all([readKnown(session, tenant, jobId), counted]);
  return await redriveAs(parts, session, command, { deadLetter, known });
}

async function redriveAs(
  parts: RedriveParts,
  session: BrokerSession,
  command: LimitedCommand,
  dead: DeadJob,
): Promise<Redriven> {
  const redriving = redrivingOf(parts, session, command, dead);
  const stored = (await alreadyRedriven(redriving)) ?? (await publishInQuota(redriving));
  const [job] = await Promise.all([newestOf(redriving, stored), removeDeadLetter(redriving)]);
  return { job, sentBy: stored.sentBy };
}

/** A redrive whose message and event are stored. */
interface StoredRedrive extends Redriven {
  /** Whether the event was not stored: a worker has started the job meanwhile, or the same redrive was recorded before. */
  readonly isOvertaken: boolean;
}

/** The job after its last event. If that event cannot be read, the job as it was redriven: the redrive itself has succeeded. */
async function newestOf({ session, address }: Redriving, { job, isOvertaken }: StoredRedrive): Promise<Job> {
  if (!isOvertaken) return job;
  const last = await lastEvent(session, address.tenant, address.jobId).catch(() => undefined);
  return last === undefined ? job : jobOfEvent(last);
}

/** A dead letter, and what NATS knows of its job. */
interface DeadJob {
  readonly deadLetter: StoredMessage;
  readonly known: KnownJob;
}

/** What NATS knows of the job of a dead letter. */
interface KnownJob {
  readonly queued: StoredMessage | undefined;
  readonly last: StoredMessage | undefined;
}

async function readKnown(session: BrokerSession, tenant: string, jobId: string): Promise<KnownJob> {
  const [queued, last] = await Promise.all([
    queuedMessage(session, tenant, jobId),
    lastEventMessage(session, tenant, jobId),
  ]);
  return { queued, last };
}

/** @throws ThroughlineError `not-dead` */
function addressOf({ subject }: StoredMessage): JobAddress {
  const address = parseJobSubject(subject);
  if (address !== undefined) return address;
  throw new ThroughlineError('not-dead', 'the dead letter is not one of a job');
}

function redrivingOf(
  parts: RedriveParts,
  session: BrokerSession,
  command: LimitedCommand,
  { deadLetter, known: { queued, last } }: DeadJob,
): Redriving {
  const address = addressOf(deadLetter);
  const event = readStoredEvent(last);
  const oldTraceId = jobSpanOf(deadLetter, event)?.traceId;
  const redrive = nextRedrive(readRedrive(headerValues(deadLetter.headers)), oldTraceId);
  const lastSequence = last?.sequence ?? 0;
  return { parts, session, command, deadLetter, address, redrive, queued, event, lastSequence };
}

/**
 * Returns the job if this dead letter was redriven before. In that case the queue or the events show the redrive.
 * @returns undefined if the dead letter was not redriven yet
 * @throws ThroughlineError `not-dead`
 */
async function alreadyRedriven(redriving: Redriving): Promise<StoredRedrive | undefined> {
  const { event, queued, redrive } = redriving;
  if (event !== undefined && (event.redriveCount ?? 0) >= redrive.redriveCount)
    return { job: jobOfEvent(event), sentBy: undefined, isOvertaken: false };
  if (belongsTo(queued, redrive)) return await recordQueued(redriving, queued);
  if (event !== undefined && event.kind !== 'failed') {
    throw new ThroughlineError('not-dead', `the job is not dead: its last event is ${event.kind}`);
  }
  return undefined;
}

/** @throws ThroughlineError `quota-exceeded`, `payload-too-large` if the tenant has no room for one more job */
async function publishInQuota(redriving: Redriving): Promise<StoredRedrive> {
  const { parts, command, deadLetter } = redriving;
  const taken = usageOfJob({}, deadLetter.data.length);
  const quotas = parts.quotasOf(command);
  return await parts.usage.restart(command.tenant, taken, quotas, () => publish(redriving));
}

async function publish(redriving: Redriving): Promise<StoredRedrive> {
  const { parts, address, redrive } = redriving;
  const subject = await redriveSubject(redriving);
  try {
    return await publishOn(subject, redriving);
  } catch (thrown) {
    parts.pooled.forget({ ...address, redriveCount: redrive.redriveCount });
    throw thrown;
  }
}

async function publishOn(subject: string, redriving: Redriving): Promise<StoredRedrive> {
  const { parts, session, deadLetter, address, redrive } = redriving;
  const { span, sending } = startRedriveSpan(
    { bridge: parts.name, server: session.server },
    redriving,
    subject,
  );
  return await runInSendSpan(span, sending, async () => {
    const writeHeaders = messageHeaders(redriving, sending);
    const { duplicate } = await session.publish(subject, writeHeaders, deadLetter.data);
    span.setAttribute(ATTR.jobOutcome, duplicate ? 'duplicate' : 'redriven');
    if (duplicate) return await redrivenByOther(redriving);
    parts.log.info('job redriven', { ...jobFields(address), redrive_count: redrive.redriveCount });
    return await recordRedriven(redriving, sending);
  });
}

/** Where the job of a dead letter waits in the queue again. Ordered jobs have lanes of their own. */
async function redriveSubject({
  parts,
  session,
  deadLetter,
  address,
  redrive: { redriveCount },
}: Redriving): Promise<string> {
  const isLimited = parts.operations.isLimited(address.operation);
  const spec = readJobSpec(headerValues(deadLetter.headers));
  const job = { tenant: address.tenant, jobId: address.jobId, redriveCount };
  const broker = { ask: <T>(work: (one: BrokerSession) => Promise<T>) => work(session) };
  const isBusy = spec.orderingKey === undefined && !(await parts.pooled.admitRedriven(broker, job));
  return jobSubject(address, routeOf(address, spec, { isBusy, hasOwnLane: false, isLimited }));
}

function messageHeaders({ deadLetter, address, redrive }: Redriving, sending: Context): WriteHeaders {
  const { acceptedAt } = acceptedJobOfMessage(deadLetter);
  // A limit that cannot be read is left out, and the operation's own limit is used. The delay of the job is over.
  const spec = withoutDelay(readJobSpec(headerValues(deadLetter.headers)));
  const job = { address, acceptedAt, spec, redrive, source: BRIDGE_SOURCE };
  return (set) => {
    writeJobHeaders(job, inject(sending), set);
    set(HEADER.msgId, redriveMessageId(address.jobId, deadLetter.sequence));
  };
}

/** Returns the job after another request redrove the same dead letter a moment ago. */
async function redrivenByOther(redriving: Redriving): Promise<StoredRedrive> {
  const { session, address, redrive } = redriving;
  const { tenant, jobId } = address;
  const queued = await queuedMessage(session, tenant, jobId);
  if (belongsTo(queued, redrive)) return await recordQueued(redriving, queued);
  const job = await readJob(session, tenant, jobId);
  if (job === undefined) throw new ThroughlineError('not-dead', 'the job was redriven already');
  return { job, sentBy: undefined, isOvertaken: false };
}

/** Records the redrive of a job whose message is already in the queue. */
async function recordQueued(redriving: Redriving, queued: StoredMessage): Promise<StoredRedrive> {
  return await recordRedriven(redriving, extract(fromNatsHeaders(queued.headers)).context);
}

/** Records the `redriven` event. If a worker has started the job meanwhile, the worker's event stays the last event. */
async function recordRedriven(redriving: Redriving, sent: Context): Promise<StoredRedrive> {
  const { session, address, lastSequence } = redriving;
  const sender = trace.getSpanContext(sent);
  const event = redrivenEvent(redriving, sender);
  const isStored = await publishEvent(session, address, event, lastSequence, inject(sent));
  return { job: jobOfEvent(event), sentBy: plainSpanContext(sender), isOvertaken: !isStored };
}

function redrivenEvent({ deadLetter, redrive, event }: Redriving, sent: SpanContext | undefined): JobEvent {
  const job = acceptedJobOfMessage(deadLetter);
  const spec = { ...job.spec, maxAttempts: event?.maxAttempts ?? job.spec.maxAttempts };
  const { traceId = '', spanId = '' } = sent ?? {};
  return makeEvent('redriven', { ...job, spec, redrive }, { attempt: 0, worker: '', traceId, spanId });
}

async function removeDeadLetter({ parts, session, deadLetter, address }: Redriving): Promise<void> {
  try {
    const filter = deadLetterFilter(address.tenant, address.jobId);
    await session.deleteUpTo(DEAD_STREAM, filter, deadLetter.sequence);
  } catch (thrown) {
    // The job was redriven, so this error is only logged. The next redrive of the dead letter notices this, and removes
    // the dead letter.
    parts.log.warn('a redriven dead letter is still there', {
      job_id: address.jobId,
      reason: loggedReason(errorFrom(thrown)),
    });
  }
}

/** Whether this redrive published the message. */
function belongsTo(message: StoredMessage | undefined, { redriveCount }: Redrive): message is StoredMessage {
  return message !== undefined && readRedrive(headerValues(message.headers))?.redriveCount === redriveCount;
}
