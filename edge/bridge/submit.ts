import { type Context, context, SpanKind, trace } from '@opentelemetry/api';
import { ThroughlineError } from '../../shared/errors.ts';
import { jobLinks, jobOfEvent } from '../../shared/event.ts';
import { isTerminal, type Job } from '../../shared/job.ts';
import type { OperationAnnouncement } from '../../shared/operation.ts';
import { inject } from '../../shared/propagation/index.ts';
import { ATTR, MESSAGING_SYSTEM, TEMPLATE } from '../../shared/semantics.ts';
import { isAtLeastVersion, SCHEDULES_SINCE } from '../../shared/server-version.ts';
import { delayedSubject, jobSubject } from '../../shared/subjects.ts';
import { writeJobHeaders, writeJson, writeScheduleHeaders } from '../../shared/wire.ts';
import type { Logger } from '../log.ts';
import type { BrokerConnection } from './broker-connection.ts';
import type { BrokerSession } from './broker-session.ts';
import type { Submission, SubmitCommand } from './commands.ts';
import { findJob } from './job-reader.ts';
import type { OperationDirectory } from './operation-directory.ts';
import { type JobEnd, ResultWaiter } from './result-waiter.ts';
import { failSend, sendAttributes } from './send-span.ts';

const SOURCE = '/throughline/bridge';
const tracer = trace.getTracer('throughline-bridge');

/** What a submission needs of its bridge. */
export interface BridgeParts {
  readonly name: string;
  readonly connection: BrokerConnection;
  readonly log: Logger;
  readonly directory: (session: BrokerSession) => OperationDirectory;
}

/**
 * Publishes a job and, where asked to, waits for its end.
 * @returns the job as it stands: queued, or further when there was a wait, or when it was there already
 * @throws ThroughlineError `operation-unknown`, `input-invalid`, `request-invalid`, `idempotency-key-reused`,
 *   `broker-unavailable`, `stream-full`, `broker-refused`; nothing was accepted then, except that a
 *   `broker-unavailable` cannot tell whether the broker stored the job before its answer was lost
 */
export function submit(parts: BridgeParts, command: SubmitCommand): Promise<Submission> {
  return parts.connection.use((session) =>
    command.waitMs === 0 ? accept(parts, session, command) : acceptAndWait(parts, session, command),
  );
}

async function acceptAndWait(
  parts: BridgeParts,
  session: BrokerSession,
  command: SubmitCommand,
): Promise<Submission> {
  const untilMs = Date.now() + command.waitMs;
  const waiter = new ResultWaiter(parts.connection, session, command.tenant, command.jobId);
  try {
    const { job, replayed } = await accept(parts, session, command);
    if (isTerminal(job.state)) return { job, replayed };
    const end = await waiter.end(untilMs);
    if (end !== undefined) return { job: receive(end), replayed };
    return { job: waiter.latest === undefined ? job : jobOfEvent(waiter.latest), replayed };
  } finally {
    waiter.stop();
  }
}

/** The job with this id: the one that is there already, or a new one in the queue. */
async function accept(
  parts: BridgeParts,
  session: BrokerSession,
  command: SubmitCommand,
): Promise<Submission> {
  const existing = command.fingerprint === undefined ? undefined : await replay(session, command);
  if (existing !== undefined) return existing;
  const announcement = await parts.directory(session).accept(command.operation, command.input);
  checkBounds(command, announcement);
  const { job, duplicate } = await publish(parts, session, command, announcement);
  // Two requests with one key met: the other one was first, and its request is the one that counts.
  const first = duplicate ? await replay(session, command) : undefined;
  return first ?? { job, replayed: false };
}

/**
 * The job that this idempotency key already stands for, if any.
 * @throws ThroughlineError `idempotency-key-reused` when it was another request
 */
async function replay(session: BrokerSession, command: SubmitCommand): Promise<Submission | undefined> {
  const found = await findJob(session, command.tenant, command.jobId);
  if (found === undefined) return undefined;
  if (command.fingerprint === undefined || found.fingerprint === command.fingerprint) {
    return { job: found.job, replayed: true };
  }
  throw new ThroughlineError(
    'idempotency-key-reused',
    'this Idempotency-Key was sent with another request; use a new key for a new job',
  );
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

async function publish(
  parts: BridgeParts,
  session: BrokerSession,
  command: SubmitCommand,
  announcement: OperationAnnouncement,
): Promise<{ readonly job: Job; readonly duplicate: boolean }> {
  if (command.dueAt !== undefined) checkSchedules(session);
  const subject = command.dueAt === undefined ? jobSubject(command) : delayedSubject(command);
  const body = writeJson(command.input);
  const limits = {
    maxAttempts: command.maxAttempts ?? announcement.maxAttempts,
    timeoutMs: command.timeoutMs,
  };
  const span = tracer.startSpan(`send ${command.operation}`, {
    kind: SpanKind.PRODUCER,
    attributes: sendAttributes(command, { subject, size: body.length }, parts.name),
  });
  const sending = trace.setSpan(context.active(), span);
  try {
    const { acceptedAt, dueAt, fingerprint, callback } = command;
    const job = { address: command, acceptedAt, fingerprint, callback, ...limits, source: SOURCE };
    const { duplicate } = await context.with(sending, async () => {
      const ack = await session.publish(
        subject,
        (set) => {
          writeJobHeaders(job, inject(sending), set);
          if (dueAt !== undefined) writeScheduleHeaders(command, dueAt, set);
        },
        body,
      );
      parts.log.info('job published', {
        job_id: command.jobId,
        operation: command.operation,
        tenant: command.tenant,
      });
      return ack;
    });
    return { job: queuedJob(command, limits.maxAttempts, sending), duplicate };
  } catch (thrown) {
    throw failSend(span, thrown);
  } finally {
    span.end();
  }
}

/** @throws ThroughlineError `delay-unsupported` naming the version that is needed */
function checkSchedules(session: BrokerSession): void {
  if (isAtLeastVersion(session.serverVersion, SCHEDULES_SINCE)) return;
  throw new ThroughlineError(
    'delay-unsupported',
    `delayed jobs need nats-server ${SCHEDULES_SINCE} or newer; this one is ${session.serverVersion ?? 'of no known version'}`,
  );
}

function queuedJob(command: SubmitCommand, maxAttempts: number, sent: Context): Job {
  return {
    id: command.jobId,
    operation: command.operation,
    state: 'queued',
    attempt: 0,
    maxAttempts,
    durability: 'stream',
    acceptedAt: command.acceptedAt,
    ...(command.dueAt === undefined ? {} : { dueAt: command.dueAt }),
    traceId: trace.getSpanContext(sent)?.traceId ?? '',
    links: jobLinks(command.jobId),
  };
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
