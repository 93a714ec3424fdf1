import { type Context, context, type Span, SpanKind, trace } from '@opentelemetry/api';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { jobOfEvent } from '../../shared/job/event.ts';
import { isTerminal, type Job } from '../../shared/job/job.ts';
import { inject } from '../../shared/propagation/index.ts';
import { ATTR, MESSAGING_SYSTEM, TEMPLATE } from '../../shared/trace/semantics.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import type { Submission, SubmitCommand } from '../calls/commands.ts';
import { type FoundJob, findJob } from '../jobs/job-reader.ts';
import { type OutgoingJob, queuedJob } from '../jobs/outgoing-job.ts';
import { checkSchedules, publishJob, subjectOf } from '../jobs/publish-job.ts';
import { type JobEnd, ResultWaiter } from '../jobs/result-waiter.ts';
import { failSend, sendAttributes } from '../jobs/send-span.ts';
import { BrokerReach } from '../nats/broker-reach.ts';
import { FIRST_CHECK_MS } from '../outbox/outbox-drain.ts';
import { pendingJob } from '../outbox/pending-job.ts';
import type { BridgeParts } from './bridge-parts.ts';

const tracer = trace.getTracer('throughline-bridge');

/**
 * Takes a job in: JetStream has it, or the outbox while NATS is away. Where asked to, waits for its end.
 * @returns the job as it stands: queued, or further when there was a wait, or when it was there already
 * @throws ThroughlineError `operation-unknown`, `input-invalid`, `request-invalid`, `idempotency-key-reused`,
 *   `stream-full`, `outbox-full`, `broker-rejected`, `delay-unsupported`; nothing was accepted then.
 *   `broker-unavailable` where NATS is away and its operations have never been seen here
 */
export async function submit(parts: BridgeParts, command: SubmitCommand): Promise<Submission> {
  const untilMs = Date.now() + command.waitMs;
  const reach = await BrokerReach.of(parts.connection);
  if (command.waitMs === 0) return await accept(parts, reach, command);
  const waiter = new ResultWaiter(parts.connection, reach.session, command.tenant, command.jobId);
  try {
    const { job, replayed } = await accept(parts, reach, command);
    if (isTerminal(job.state)) return { job, replayed };
    const end = await waiter.end(untilMs);
    if (end !== undefined) return { job: receive(end), replayed };
    return { job: waiter.latest === undefined ? job : jobOfEvent(waiter.latest), replayed };
  } finally {
    waiter.stop();
  }
}

/** The job with this id: the one that is there already, or a new one. */
async function accept(parts: BridgeParts, reach: BrokerReach, command: SubmitCommand): Promise<Submission> {
  const existing = command.fingerprint === undefined ? undefined : await replay(parts, reach, command);
  if (existing !== undefined) return existing;
  const { operation, input } = command;
  const announcement =
    (await reach.ask((session) => parts.directory(session).accept(operation, input))) ??
    parts.savedOperations.accept(operation, input);
  checkBounds(command, announcement);
  return await send(parts, reach, command, announcement);
}

/**
 * The job that this idempotency key already stands for, if any. While NATS is away only the outbox is asked; it asks
 * NATS before it sends the job.
 * @throws ThroughlineError `idempotency-key-reused` when it was another request
 */
async function replay(
  parts: BridgeParts,
  reach: BrokerReach,
  command: SubmitCommand,
): Promise<Submission | undefined> {
  const found = await findAnywhere(parts, reach, command);
  if (found === undefined) return undefined;
  if (command.fingerprint === undefined || found.fingerprint === command.fingerprint) {
    return { job: found.job, replayed: true };
  }
  throw new ThroughlineError(
    'idempotency-key-reused',
    'this Idempotency-Key was sent with another request; use a new key for a new job',
  );
}

async function findAnywhere(
  { outbox, name }: BridgeParts,
  reach: BrokerReach,
  { tenant, jobId }: SubmitCommand,
): Promise<FoundJob | undefined> {
  const kept = outbox.find(tenant, jobId);
  if (kept !== undefined) return { job: pendingJob(kept, name), fingerprint: kept.job.fingerprint };
  const found = await reach.ask((session) => findJob(session, tenant, jobId));
  if (found !== undefined || reach.session !== undefined) return found;
  const sent = outbox.findPublished(tenant, jobId);
  return sent && { job: queuedJob(sent.job, 'stream'), fingerprint: sent.job.fingerprint };
}

/** A job may ask for less than its operation allows, never for more. */
function checkBounds(command: SubmitCommand, announcement: OperationAnnouncement): void {
  const { timeoutMs, maxAttempts } = command;
  if (timeoutMs !== undefined && timeoutMs > announcement.timeoutMs) {
    throw new ThroughlineError(
      'request-invalid',
      `timeout: ${announcement.name} allows at most ${announcement.timeoutMs} ms`,
      { violations: [{ path: '/timeout', message: `at most ${announcement.timeoutMs}ms` }] },
    );
  }
  if (maxAttempts !== undefined && maxAttempts > announcement.maxAttempts) {
    throw new ThroughlineError(
      'request-invalid',
      `maxAttempts: ${announcement.name} allows at most ${announcement.maxAttempts}`,
      { violations: [{ path: '/maxAttempts', message: `at most ${announcement.maxAttempts}` }] },
    );
  }
}

/** The PRODUCER span of a job, whose context its message carries, however late it is sent. */
async function send(
  parts: BridgeParts,
  reach: BrokerReach,
  command: SubmitCommand,
  announcement: OperationAnnouncement,
): Promise<Submission> {
  const body = writeJson(command.input);
  const span = tracer.startSpan(`send ${command.operation}`, { kind: SpanKind.PRODUCER });
  const sending = trace.setSpan(context.active(), span);
  const job = outgoingJob(command, announcement, sending);
  const message = { subject: subjectOf(job, Date.now()), size: body.length };
  span.setAttributes(sendAttributes(command, message, parts.name));
  try {
    return await context.with(sending, () => hand(parts, reach, command, { job, body, span }));
  } catch (thrown) {
    throw failSend(span, thrown);
  } finally {
    span.end();
  }
}

function outgoingJob(
  command: SubmitCommand,
  announcement: OperationAnnouncement,
  sending: Context,
): OutgoingJob {
  const { tenant, jobId, operation, acceptedAt, dueAt, timeoutMs, fingerprint, callback } = command;
  return {
    ...{ tenant, jobId, operation, acceptedAt, dueAt, timeoutMs, fingerprint, callback },
    maxAttempts: command.maxAttempts ?? announcement.maxAttempts,
    carrier: inject(sending),
  };
}

interface Sending {
  readonly job: OutgoingJob;
  readonly body: Uint8Array;
  readonly span: Span;
}

/** Hands a job to JetStream, or to the outbox: where NATS is away, and where others wait already, so that none overtakes. */
async function hand(
  parts: BridgeParts,
  reach: BrokerReach,
  command: SubmitCommand,
  sending: Sending,
): Promise<Submission> {
  const { job, span } = sending;
  const { outbox, ackMode, log } = parts;
  if (job.dueAt !== undefined && reach.session !== undefined) checkSchedules(reach.session);
  const fields = { job_id: job.jobId, operation: job.operation, tenant: job.tenant };
  let tries: 0 | 1 = 0;
  if (ackMode === 'stream' && reach.session !== undefined && !outbox.hasPending) {
    tries = 1;
    const ack = await publish(parts, reach, sending);
    if (ack !== undefined) {
      log.info('job published', fields);
      span.setAttribute(ATTR.durability, 'stream');
      // Two requests with one key met: the other one was first, and its request is the one that counts.
      const first = ack.duplicate ? await replay(parts, reach, command) : undefined;
      return first ?? accepted(parts, job, 'stream');
    }
  }
  // A request with the same key may have come to this point meanwhile.
  const first = outbox.find(job.tenant, job.jobId) && (await replay(parts, reach, command));
  if (first !== undefined) return first;
  outbox.add(job, sending.body, tries);
  parts.kept();
  log.info('job kept in the outbox', fields);
  span.setAttribute(ATTR.durability, 'outbox');
  return accepted(parts, job, 'outbox');
}

/** The job is safe from here on. */
function accepted(parts: BridgeParts, outgoing: OutgoingJob, durability: Job['durability']): Submission {
  const job = queuedJob(outgoing, durability);
  parts.accepted(outgoing.tenant, job);
  return { job, replayed: false };
}

/** @returns undefined where NATS did not acknowledge it */
async function publish(
  { outbox, keepUntilSettled, kept }: BridgeParts,
  reach: BrokerReach,
  { job, body }: Sending,
): Promise<{ readonly duplicate: boolean } | undefined> {
  if (keepUntilSettled) outbox.ensureRoom(body);
  const ack = await reach.ask((session) => publishJob(session, job, body));
  if (ack === undefined || ack.duplicate || !keepUntilSettled) return ack;
  outbox.addPublished(job, body, Date.now() + FIRST_CHECK_MS);
  kept();
  return ack;
}

/** The way back: a span of the waiting call, linked to the span that sent the result. */
function receive({ event, sentBy }: JobEnd): Job {
  const span = tracer.startSpan('receive result', {
    kind: SpanKind.CONSUMER,
    attributes: {
      [ATTR.messagingSystem]: MESSAGING_SYSTEM,
      [ATTR.operationType]: 'receive',
      [ATTR.operationName]: 'receive',
      [ATTR.destinationTemplate]: TEMPLATE.events,
      [ATTR.jobId]: event.jobId,
      [ATTR.jobOutcome]: event.kind,
    },
  });
  // Not an option of startSpan: the tracer of @microlabs/otel-cf-workers ignores links given there.
  if (sentBy !== undefined) span.addLink({ context: sentBy });
  span.end();
  return jobOfEvent(event);
}
