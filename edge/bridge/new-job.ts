import { type Context, context, type Span, trace } from '@opentelemetry/api';
import { isLimited, type OperationAnnouncement } from '../../shared/api/operation.ts';
import type { Usage } from '../../shared/api/usage.ts';
import { unavailable } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import { inject } from '../../shared/propagation/index.ts';
import { ATTR, SERVICE } from '../../shared/trace/semantics.ts';
import { tracerOf } from '../../shared/trace/tracer.ts';
import { encodeText } from '../../shared/wire/json-body.ts';
import { type Route, routeOf } from '../../shared/wire/lanes.ts';
import { usageOfJob } from '../access/usage-book.ts';
import type { SubmitCommand, SubmitResult } from '../calls/commands.ts';
import { endSendSpan, sendSpan } from '../jobs/job-spans.ts';
import { jobFields, type OutgoingJob, queuedJob } from '../jobs/outgoing-job.ts';
import { checkDelaySupport, publishJob, subjectOf } from '../jobs/publish-job.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import type { RequestBroker } from '../nats/request-broker.ts';
import { FIRST_CHECK_MS } from '../outbox/end-check.ts';
import type { BridgeParts } from './bridge-parts.ts';
import { findExisting, findInOutbox, replayOf } from './existing-job.ts';
import type { Turn } from './order-turns.ts';
import { startTimeOf } from './start-time.ts';

const tracer = tracerOf(SERVICE.bridge);

/**
 * How long a bridge looks for the job of a key that NATS knows already. The bridge may do so after its own time limit. The edge waits
 * longer than that limit, by more than this.
 */
const DUPLICATE_LOOK_MS = 1_000;

/** What a submission needs of its bridge. */
export type SubmitParts = Omit<
  BridgeParts,
  'connection' | 'share' | 'watches' | 'waits' | 'jobReads' | 'historyReads' | 'heartbeatMs' | 'seal'
> & {
  readonly connection: BrokerAccess;
};

/** One submission, as it goes through the steps below. */
export interface Submitting {
  readonly bridge: SubmitParts;
  readonly broker: RequestBroker;
  readonly command: SubmitCommand;
  readonly turn: Turn;
}

/** A submission whose operation is known. */
export interface Checked extends Submitting {
  /** False: no worker host can run the operation now. */
  readonly isServed: boolean;
}

/** A new job that was checked, and the span that its message carries. */
interface NewJob {
  readonly job: OutgoingJob;
  readonly body: Uint8Array;
  readonly route: Route;
  readonly span: Span;
  /** The context of the span. */
  readonly sending: Context;
}

/** Publishes a new job, or adds it to the outbox. The job's message carries the PRODUCER span, also if it is sent later. */
export async function submitNew(
  submitting: Checked,
  announcement: OperationAnnouncement | undefined,
): Promise<SubmitResult> {
  const { bridge, broker, command } = submitting;
  const { tenant } = command;
  const body = encodeText(command.inputJson);
  const taken = usageOfJob(command.spec, body.length);
  // The jobs of a batch are submitted side by side, so each counts before it is stored.
  const entered = bridge.usage.enter(tenant, taken);
  const quotas = bridge.quotasOf(command);
  const needsPlace = command.spec.orderingKey === undefined;
  const checking = bridge.usage.check(tenant, taken, entered, quotas, { leftMs: broker.leftMs, needsPlace });
  const place = checking instanceof Promise ? await checking : checking;
  try {
    const limited = announcement !== undefined && isLimited(announcement);
    const hasOwnLane = bridge.hosts.servesOwnLane(command);
    const route = routeOf(command, command.spec, {
      isBusy: await isBusy(submitting, taken, place, limited || hasOwnLane),
      hasOwnLane,
      isLimited: limited,
    });
    const due =
      announcement?.rateLimit && (await startTimeOf(bridge, broker, command, announcement, body.length));
    const timed =
      due === undefined
        ? submitting
        : { ...submitting, command: { ...command, spec: { ...command.spec, ...due } } };
    return await sendNew(timed, announcement, { body, route });
  } catch (thrown) {
    bridge.pooled.forget(command);
    throw thrown;
  } finally {
    bridge.room.settle(command.jobId);
    bridge.usage.report(tenant, undefined, taken);
  }
}

/** Whether a job must go to a lane of busy tenants. Only pooled lanes have a place for each tenant. */
function isBusy(
  { bridge, broker, command }: Checked,
  taken: Usage,
  place: number,
  isElsewhere: boolean,
): boolean | Promise<boolean> {
  const { tenant, spec } = command;
  if (isElsewhere || spec.orderingKey !== undefined || spec.dueAt !== undefined)
    return bridge.usage.isBusy(tenant, taken, place);
  const admitting = bridge.pooled.admit(broker.withOwnTime(), command, place, broker.leftMs);
  return admitting instanceof Promise ? admitting.then((isAdmitted) => !isAdmitted) : !admitting;
}

function sendNew(
  submitting: Checked,
  announcement: OperationAnnouncement | undefined,
  { body, route }: Pick<NewJob, 'body' | 'route'>,
): Promise<SubmitResult> {
  const { bridge, broker, command } = submitting;
  const message = { subject: subjectOf(command, Date.now(), route), size: body.length };
  const from = { bridge: bridge.name, server: broker.session?.server };
  const { name, ...options } = sendSpan(command, message, from);
  const span = tracer.startSpan(name, options);
  const sending = trace.setSpan(context.active(), span);
  const job = outgoingJob(command, announcement, sending);
  if (job.spec.dueBy !== undefined) span.setAttribute(ATTR.limitBy, job.spec.dueBy);
  return endSendSpan(span, () => publishOrAddToOutbox(submitting, { job, body, route, span, sending }));
}

function outgoingJob(
  command: SubmitCommand,
  announcement: OperationAnnouncement | undefined,
  sending: Context,
): OutgoingJob {
  const { tenant, jobId, operation, acceptedAt, spec } = command;
  return {
    tenant,
    jobId,
    operation,
    acceptedAt,
    spec: { ...spec, maxAttempts: spec.maxAttempts ?? announcement?.maxAttempts ?? LIMITS.maxAttempts },
    carrier: inject(sending),
  };
}

/**
 * Publishes a job. If NATS is away, or other jobs are pending, the job is added to the outbox, so that jobs stay in
 * order.
 */
async function publishOrAddToOutbox(submitting: Checked, newJob: NewJob): Promise<SubmitResult> {
  const { job } = newJob;
  if (job.spec.dueAt !== undefined) await checkDelay(submitting, newJob);
  if (job.spec.fingerprint !== undefined) submitting.bridge.keys.add(job, job.spec.dueAt);
  const result = await tryPublish(submitting, newJob);
  if (result === 'unsent' || result === 'unanswered') return await addToOutbox(submitting, newJob, result);
  newJob.span.setAttribute(ATTR.durability, 'stream');
  if (result === 'duplicate') return await answerDuplicate(submitting, newJob);
  // The request's line names the job. At `info`, a job costs one line.
  submitting.bridge.log.debug('job published', jobFields(newJob.job), newJob.sending);
  return reportAccepted(submitting, newJob, 'stream');
}

/** JetStream already has a message with the id of the job: another request with the same key came first. Its job is the answer. */
async function answerDuplicate(submitting: Checked, newJob: NewJob): Promise<SubmitResult> {
  const looking = { ...submitting, broker: submitting.broker.withOwnTime(DUPLICATE_LOOK_MS) };
  const first = await findExisting(looking);
  // Without an answer nobody knows whether that request was the same one.
  if (first === undefined && looking.broker.session === undefined)
    throw unavailable('no answer about the job of the Idempotency-Key');
  return first ?? reportAccepted(submitting, newJob, 'stream');
}

/**
 * Checks that NATS, unless it is away, can delay a job, and has room for it.
 * @throws ThroughlineError `delay-unsupported`, `stream-full`
 */
async function checkDelay({ bridge, broker }: Submitting, { job, body }: NewJob): Promise<void> {
  const { dueAt, dueBy } = job.spec;
  // A job that its caller did not delay is delayed only if NATS can do it.
  if (dueAt === undefined || dueBy !== undefined || broker.session === undefined) return;
  checkDelaySupport(broker.session);
  await broker.ask((session) => bridge.room.take(session, job.jobId, body.length));
}

/** @returns `unsent` if the job must go through the outbox; `unanswered` if NATS may have the job */
async function tryPublish(
  { bridge, broker, command }: Submitting,
  { job, body, route }: NewJob,
): Promise<'stored' | 'duplicate' | 'unsent' | 'unanswered'> {
  const { outbox, scheduler, keepUntilEnded, ackMode } = bridge;
  if (ackMode === 'outbox' || broker.session === undefined || outbox.hasPending) return 'unsent';
  if (keepUntilEnded) outbox.ensureRoom(job.tenant, body, bridge.quotasOf(command));
  const ack = await broker.askOnce((session) => publishJob(session, job, body, route));
  if (ack === undefined) return 'unanswered';
  if (ack.duplicate) return 'duplicate';
  if (keepUntilEnded) {
    outbox.addPublished(job, body, Date.now() + FIRST_CHECK_MS);
    scheduler.added();
  }
  return 'stored';
}

async function addToOutbox(
  submitting: Checked,
  newJob: NewJob,
  publication: 'unsent' | 'unanswered',
): Promise<SubmitResult> {
  const { outbox, scheduler, log } = submitting.bridge;
  const { job, body, span } = newJob;
  // Another request with the same key may have added its job to the outbox meanwhile.
  const first = findInOutbox(submitting.bridge, job);
  if (first !== undefined) return replayOf(submitting.command, first);
  outbox.add(job, body, publication, submitting.bridge.quotasOf(submitting.command));
  scheduler.added();
  log.info('job pending in the outbox', jobFields(newJob.job), newJob.sending);
  span.setAttribute(ATTR.durability, 'outbox');
  return reportAccepted(submitting, newJob, 'outbox');
}

/** Reports a stored job to the index. @returns the answer */
function reportAccepted(
  { bridge, isServed }: Checked,
  { job: outgoing, body, sending }: NewJob,
  durability: Job['durability'],
): SubmitResult {
  const queued = queuedJob(outgoing, durability);
  const job: Job = isServed ? queued : { ...queued, served: false };
  if (!isServed) noteUnserved(bridge, outgoing, sending);
  bridge.feed.addAccepted(outgoing.tenant, job, body.length);
  return { job, replayed: false };
}

function noteUnserved({ counts, log }: SubmitParts, job: OutgoingJob, sending: Context): void {
  counts.unservedJobs++;
  log.warn('job accepted, though no worker host serves its operation now', jobFields(job), sending);
}
