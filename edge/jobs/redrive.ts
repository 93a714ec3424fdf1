import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  type Span,
  type SpanContext,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import { ThroughlineError } from '../../shared/errors.ts';
import { type JobEvent, jobOfEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import { DEAD_STREAM, EVENTS_STREAM, JOBS_STREAM } from '../../shared/nats/streams.ts';
import { extract, fromNatsHeaders, inject, startTrace } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { readJobEvent, writeEventHeaders } from '../../shared/wire/event-message.ts';
import { HEADER, headerValues } from '../../shared/wire/headers.ts';
import { readJobLimits, writeJobHeaders } from '../../shared/wire/job-message.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import {
  idPerRedrive,
  nextRedrive,
  type Redrive,
  readRedrive,
  redriveMessageId,
} from '../../shared/wire/redrive.ts';
import {
  deadLetterFilter,
  eventSubject,
  type JobAddress,
  jobSubject,
  jobSubjectFilter,
  parseJobSubject,
} from '../../shared/wire/subjects.ts';
import type { Redriven } from '../calls/dead-letter-commands.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import type { Logger } from '../telemetry/log.ts';
import { lastDeadLetter } from './dead-letters.ts';
import { readJob } from './job-reader.ts';
import { failSend, sendAttributes } from './send-span.ts';

const SOURCE = '/throughline/bridge';
/** Attempts of a job whose message says nothing of them, until a worker has seen it. */
const UNKNOWN_ATTEMPTS = 1;
const tracer = trace.getTracer('throughline-bridge');

/** What redriving needs of its bridge. */
export interface RedriveParts {
  /** The bridge's name. */
  readonly name: string;
  readonly log: Logger;
}

/** A dead letter that is redriven, and the redrive count of its new message. */
interface Departure {
  readonly letter: StoredMessage;
  readonly address: JobAddress;
  readonly redrive: Redrive;
  /** The last event of the job; its sequence, so that nothing that happens meanwhile is overwritten. */
  readonly event: JobEvent | undefined;
  readonly eventSeq: number;
}

/**
 * Redrives the dead letter of a job.
 * @returns the job as it is after the redrive
 * @throws ThroughlineError `dead-letter-unknown`, `not-dead`, `broker-unavailable`, `stream-full`, `broker-refused`;
 *   the letter is still there then
 */
export async function redrive(
  parts: RedriveParts,
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<Redriven> {
  const letter = await lastDeadLetter(session, tenant, jobId);
  if (letter !== undefined) return await redriveLetter(parts, session, letter);
  const job = await readJob(session, tenant, jobId);
  if (job === undefined)
    throw new ThroughlineError('dead-letter-unknown', 'no dead letter of yours has this id');
  throw new ThroughlineError('not-dead', `the job is not dead: it is ${job.state}`);
}

/**
 * Redrives one stored letter. The job's message goes first, since it is what must not get lost or doubled:
 * its id holds the letter's place in `DEAD`, and once it is stored, word of it is an event that gives way to any
 * that a worker writes, and the letter is removed. Whoever is interrupted in between can be asked again.
 */
export async function redriveLetter(
  parts: RedriveParts,
  session: BrokerSession,
  letter: StoredMessage,
): Promise<Redriven> {
  const address = parseJobSubject(letter.subject);
  if (address === undefined) throw new ThroughlineError('not-dead', 'the letter is not one of a job');
  const { tenant, jobId } = address;
  const [queued, last] = await Promise.all([
    session.lastMessage(JOBS_STREAM, jobSubjectFilter(tenant, jobId)),
    session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId)),
  ]);
  const event = last === undefined ? undefined : readJobEvent(last.data);
  const redrive = nextRedrive(readRedrive(headerValues(letter.headers)), oldTraceOf(letter, event)?.traceId);
  const departure = { letter, address, redrive, event, eventSeq: last?.sequence ?? 0 };
  const sent = await send(parts, session, departure, queued);
  await session
    .deleteUpTo(DEAD_STREAM, deadLetterFilter(tenant, jobId), letter.sequence)
    // The job is on its way; the next redrive finds that out, and removes the letter.
    .catch((thrown: unknown) =>
      parts.log.warn('a redriven dead letter is still there', {
        job_id: jobId,
        reason: ThroughlineError.from(thrown).message,
      }),
    );
  return sent;
}

async function send(
  parts: RedriveParts,
  session: BrokerSession,
  departure: Departure,
  queued: StoredMessage | undefined,
): Promise<Redriven> {
  const { event, redrive } = departure;
  const { redriveCount } = redrive;
  // A redrive before this one came as far as the events, or as far as the queue.
  if (event !== undefined && (event.redriveCount ?? 0) >= redriveCount)
    return { job: jobOfEvent(event), sentBy: undefined };
  if (isAfterRedrive(queued, redriveCount)) return await tellOfQueued(session, departure, queued);
  if (event !== undefined && event.kind !== 'failed') {
    throw new ThroughlineError('not-dead', `the job is not dead: its last event is ${event.kind}`);
  }
  return await publish(parts, session, departure);
}

async function publish(parts: RedriveParts, session: BrokerSession, departure: Departure): Promise<Redriven> {
  const { letter, address, redrive } = departure;
  const { span, sending } = startSend(parts, departure);
  try {
    const job = { address, redrive, source: SOURCE, ...limitsOf(letter) };
    const writeHeaders = (set: (name: string, value: string) => void): void => {
      writeJobHeaders(job, inject(sending), set);
      set(HEADER.msgId, redriveMessageId(address.jobId, letter.sequence));
    };
    const { duplicate } = await session.publish(jobSubject(address), writeHeaders, letter.data);
    span.setAttribute(ATTR.jobOutcome, duplicate ? 'duplicate' : 'redriven');
    if (duplicate) return await asItStands(session, departure);
    const sentBy = trace.getSpanContext(sending);
    return await context.with(sending, async () => {
      parts.log.info('job redriven', {
        job_id: address.jobId,
        operation: address.operation,
        tenant: address.tenant,
        redriveCount: redrive.redriveCount,
      });
      return { job: await tell(session, departure, sending), sentBy: sentBy && plain(sentBy) };
    });
  } catch (thrown) {
    throw failSend(span, thrown);
  } finally {
    span.end();
  }
}

/** Another request sent the same letter a moment ago: its redrive is answered, not ours. */
async function asItStands(session: BrokerSession, departure: Departure): Promise<Redriven> {
  const { tenant, jobId } = departure.address;
  const queued = await session.lastMessage(JOBS_STREAM, jobSubjectFilter(tenant, jobId));
  if (isAfterRedrive(queued, departure.redrive.redriveCount))
    return await tellOfQueued(session, departure, queued);
  const job = await readJob(session, tenant, jobId);
  if (job === undefined) throw new ThroughlineError('not-dead', 'the job was redriven already');
  return { job, sentBy: undefined };
}

async function tellOfQueued(
  session: BrokerSession,
  departure: Departure,
  queued: StoredMessage,
): Promise<Redriven> {
  const { context: sent, spanContext } = extract(fromNatsHeaders(queued.headers));
  return {
    job: await tell(session, departure, sent),
    sentBy: spanContext === undefined ? undefined : plain(spanContext),
  };
}

/** Records the redrive. Where a worker has begun the job meanwhile, the worker's event counts. */
async function tell(session: BrokerSession, departure: Departure, sent: Context): Promise<Job> {
  const { address, eventSeq } = departure;
  const subject = eventSubject(address.tenant, address.jobId);
  const event = redrivenEvent(departure, trace.getSpanContext(sent));
  const messageId = idPerRedrive(`${address.jobId}:redriven`, event.redriveCount);
  const stored = await session.publishAfter(
    eventSeq,
    subject,
    (set) => writeEventHeaders(event, { messageId, source: SOURCE }, inject(sent), set),
    writeJson(event),
  );
  const last = stored ? undefined : await session.lastMessage(EVENTS_STREAM, subject);
  return jobOfEvent((last && readJobEvent(last.data)) ?? event);
}

function redrivenEvent(
  { letter, address, redrive, event }: Departure,
  sent: SpanContext | undefined,
): JobEvent {
  const { acceptedAt, maxAttempts, fingerprint } = limitsOf(letter);
  return {
    kind: 'redriven',
    jobId: address.jobId,
    operation: address.operation,
    attempt: 0,
    maxAttempts: event?.maxAttempts ?? maxAttempts ?? UNKNOWN_ATTEMPTS,
    released: 0,
    acceptedAt,
    at: new Date().toISOString(),
    worker: '',
    traceId: sent?.traceId ?? '',
    spanId: sent?.spanId ?? '',
    redriveCount: redrive.redriveCount,
    previousTraceIds: [...redrive.previousTraceIds],
    ...(fingerprint === undefined ? {} : { fingerprint }),
  };
}

/** A root span: the redriven job has a trace of its own, which points at the old one and at the request that asks for it. */
function startSend(parts: RedriveParts, departure: Departure): { span: Span; sending: Context } {
  const { letter, address, redrive, event } = departure;
  const active = context.active();
  const base = withBaggageOf(letter, trace.deleteSpan(active));
  const message = { subject: jobSubject(address), size: letter.data.length };
  const attributes = {
    ...sendAttributes(address, message, parts.name),
    [ATTR.jobRedriveCount]: redrive.redriveCount,
  };
  const options = { kind: SpanKind.PRODUCER, attributes, root: true };
  const span = tracer.startSpan(`send ${address.operation}`, options, base);
  for (const linked of [oldTraceOf(letter, event), trace.getSpanContext(active)]) {
    // Not an option of startSpan: the tracer of @microlabs/otel-cf-workers ignores links given there.
    if (linked !== undefined) span.addLink({ context: linked });
  }
  const recorded = isSpanContextValid(span.spanContext());
  return { span, sending: recorded ? trace.setSpan(base, span) : startTrace(base) };
}

/** The job's own baggage travels on, not that of the caller who redrives it. */
function withBaggageOf(letter: StoredMessage, base: Context): Context {
  const baggage = propagation.getBaggage(extract(fromNatsHeaders(letter.headers)).context);
  return baggage === undefined ? propagation.deleteBaggage(base) : propagation.setBaggage(base, baggage);
}

/** The span that sent the message of the letter; of a job that came without one, the last attempt, which is in its trace. */
function oldTraceOf(letter: StoredMessage, event: JobEvent | undefined): SpanContext | undefined {
  const { spanContext } = extract(fromNatsHeaders(letter.headers));
  if (spanContext !== undefined) return spanContext;
  if (event === undefined) return undefined;
  const { traceId, spanId } = event;
  const attempt = { traceId, spanId, traceFlags: 0 };
  return isSpanContextValid(attempt) ? attempt : undefined;
}

/** What the job asked for. Limits that cannot be read are left out: its operation's hold then. */
function limitsOf(letter: StoredMessage) {
  const { acceptedAt, ...limits } = readJobLimits(headerValues(letter.headers));
  return { ...limits, acceptedAt: acceptedAt ?? letter.time.toISOString() };
}

function isAfterRedrive(message: StoredMessage | undefined, redriveCount: number): message is StoredMessage {
  return message !== undefined && readRedrive(headerValues(message.headers))?.redriveCount === redriveCount;
}

/** As it may cross to another isolate. */
function plain({ traceId, spanId, traceFlags }: SpanContext): NonNullable<Redriven['sentBy']> {
  return { traceId, spanId, traceFlags };
}
