import { type Context, context, type Span, trace } from '@opentelemetry/api';
import { isLimited, type OperationAnnouncement } from '../../shared/api/operation.ts';
import type { Usage } from '../../shared/api/usage.ts';
import { errorFrom } from '../../shared/error-table.ts';
import { ThroughlineError, unavailable } from '../../shared/errors.ts';
import { jobOfEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import { inject } from '../../shared/propagation/index.ts';
import { ATTR, SERVICE } from '../../shared/trace/semantics.ts';
import { tracerOf } from '../../shared/trace/tracer.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { type Route, routeOf } from '../../shared/wire/lanes.ts';
import { usageOfJob } from '../access/usage-book.ts';
import type { SubmitAnswer, SubmitCommand, SubmitResult, TrialAnswer } from '../calls/commands.ts';
import { endSendSpan, recordReceive, sendSpan } from '../jobs/job-spans.ts';
import { type OutgoingJob, queuedJob } from '../jobs/outgoing-job.ts';
import { checkDelaySupport, publishJob, subjectOf } from '../jobs/publish-job.ts';
import { ResultWaiter } from '../jobs/result-waiter.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import { RequestBroker } from '../nats/request-broker.ts';
import { FIRST_CHECK_MS } from '../outbox/end-check.ts';
import type { BridgeParts } from './bridge-parts.ts';
import { findExisting, findInOutbox, replayOf } from './existing-job.ts';
import type { Turn } from './order-turns.ts';
import { startTimeOf } from './start-time.ts';

const tracer = tracerOf(SERVICE.bridge);

/** A host that starts is known after a moment. */
const RETRY_UNSERVED_SECONDS = 5;
/** How long a bridge looks for a job whose key NATS knows already. It is less than what the edge waits longer than the bridge. */
const DUPLICATE_LOOK_MS = 1_000;

/** What a submission needs of its bridge. */
type SubmitParts = Omit<
  BridgeParts,
  'connection' | 'watches' | 'waits' | 'jobReads' | 'historyReads' | 'heartbeatMs' | 'seal'
> & {
  readonly connection: BrokerAccess;
};

/** One submission, as it goes through the steps below. */
interface Submitting {
  readonly bridge: SubmitParts;
  readonly broker: RequestBroker;
  readonly command: SubmitCommand;
  readonly turn: Turn;
}

/** A submission whose operation is known. */
interface Checked extends Submitting {
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

/**
 * Submits a job. If the idempotency key already belongs to a job, that job is the answer. Otherwise the job is checked. If it has
 * a unique key, a job of this key that is there may be the answer. Otherwise the job is published, or added to the outbox while
 * NATS is away. If the caller asked for it, the answer waits for the end. Jobs of one ordering key are stored in the order of
 * the calls.
 * @param batch the same object for all jobs of one request
 * @returns the job: `queued`, or a later state if the answer waited or the job existed already. No job if its input was not
 *   checked by the current rules, or was refused by them
 * @throws ThroughlineError `operation-unknown`, `request-invalid`, `idempotency-key-reused`, `operation-unserved`,
 *   `stream-full`, `outbox-full`, `outbox-share-full`, `broker-rejected`, `delay-unsupported`; then nothing was accepted.
 *   `broker-unavailable` if NATS is away, and the bridge has never seen an announcement of the operation, or does not know
 *   whether a job of the unique key is there
 */
export function submit(
  bridge: SubmitParts,
  command: SubmitCommand,
  batch: object = {},
): Promise<SubmitAnswer> {
  const turn = bridge.order.take(command, batch);
  const answer = startAndSubmit(bridge, command, turn);
  // A submission that fails before its turn must not hold up those after it.
  if (command.spec.orderingKey !== undefined) answer.catch(() => turn.end(false));
  return answer;
}

async function startAndSubmit(
  bridge: SubmitParts,
  command: SubmitCommand,
  turn: Turn,
): Promise<SubmitAnswer> {
  const untilMs = Date.now() + command.waitMs;
  const starting = RequestBroker.start(bridge.connection);
  const broker = starting instanceof Promise ? await starting : starting;
  const isKeyed = command.spec.fingerprint !== undefined;
  const settling =
    isKeyed || broker.session !== undefined ? bridge.keys.settle(isKeyed, broker.leftMs) : undefined;
  if (settling !== undefined) await settling;
  const submitting = { bridge, broker, command, turn };
  if (command.waitMs === 0) return await submitInTurn(submitting);
  // The waiter listens before the job is published, so that it cannot miss the end.
  const waiter = ResultWaiter.start(bridge.connection, broker.session, command);
  try {
    const answer = await submitInTurn(submitting);
    if (answer.outcome !== 'submitted') return answer;
    const own = waiterFor(submitting, answer.job, waiter);
    return { ...answer, job: await awaitEnd(answer.job, own, command.tenant, untilMs) };
  } finally {
    waiter.stop();
  }
}

function submitInTurn(submitting: Submitting): Promise<SubmitAnswer> {
  const { orderingKey } = submitting.command.spec;
  return orderingKey === undefined ? findOrSubmit(submitting) : submitInOrder(submitting);
}

async function submitInOrder(submitting: Submitting): Promise<SubmitAnswer> {
  let again = false;
  try {
    const answer = await findOrSubmit(submitting);
    again = answer.outcome === 'rules-needed';
    return answer;
  } finally {
    submitting.turn.end(again);
  }
}

/**
 * The waiter for the job that is the answer. It is not the one that was expected if a job of the same unique key is there. It
 * has no session at first, so it begins by looking up the event that was missed.
 */
function waiterFor({ bridge, command }: Submitting, { id }: Job, waiter: ResultWaiter): ResultWaiter {
  if (id === command.jobId) return waiter;
  return ResultWaiter.start(bridge.connection, undefined, { tenant: command.tenant, jobId: id });
}

/**
 * Checks a job like one that is submitted. The job is not taken, and quotas, room and hosts are not looked at.
 * @throws ThroughlineError `operation-unknown`, `request-invalid`; `broker-unavailable` as {@link submit}
 */
export async function tryOut(bridge: SubmitParts, command: SubmitCommand): Promise<TrialAnswer> {
  const submitting = { bridge, command, broker: await RequestBroker.start(bridge.connection) };
  const announcement = await announcementOf(submitting);
  const { inputCheck } = command;
  const untaken = announcement && (await bridge.inputChecks.answer(inputCheck, announcement));
  return untaken ?? { outcome: 'passed', inputCheck };
}

async function findOrSubmit(submitting: Submitting): Promise<SubmitAnswer> {
  const { bridge, broker, command, turn } = submitting;
  const existing = command.spec.fingerprint === undefined ? undefined : await findExisting(submitting);
  if (existing !== undefined) return await answerWith(submitting, existing);
  const announcement = await announcementOf(submitting);
  if (await turn.begin()) return { outcome: 'rules-needed' };
  const unchecked = announcement && (await bridge.inputChecks.answer(command.inputCheck, announcement));
  if (unchecked !== undefined) return unchecked;
  const isServed = (await bridge.hosts.isServed(broker, command.operation)) !== false;
  if (!isServed && bridge.refusesUnserved) throw unserved(command.operation);
  const checked = { ...submitting, isServed };
  const result = await bridge.unique.submit(broker, command, () => submitInKeyTurn(checked, announcement));
  if (result === undefined) return await findOrSubmit(submitting);
  return result.existing ? await answerWith(submitting, result) : { outcome: 'submitted', ...result };
}

/** The answer with a job that was there already. */
async function answerWith({ bridge, broker }: Submitting, result: SubmitResult): Promise<SubmitAnswer> {
  return { outcome: 'submitted', ...result, job: await bridge.hosts.mark(broker, result.job) };
}

/**
 * The announcement of the job's operation. Undefined if there is none, but a host that is alive has the operation: the
 * announcement was deleted, and comes back when the host renews it. The worker checks such a job.
 * @throws ThroughlineError as {@link submit}
 */
function announcementOf(
  submitting: Omit<Submitting, 'turn'>,
): OperationAnnouncement | Promise<OperationAnnouncement | undefined> {
  const { bridge, broker, command } = submitting;
  const checking = bridge.operations.check(broker, command);
  return checking instanceof Promise
    ? checking.catch((thrown: unknown) => withoutAnnouncement(submitting, thrown))
    : checking;
}

async function withoutAnnouncement(
  { bridge, broker, command: { operation } }: Omit<Submitting, 'turn'>,
  thrown: unknown,
): Promise<undefined> {
  if (errorFrom(thrown).code !== 'operation-unknown') throw thrown;
  if ((await bridge.hosts.isServed(broker, operation)) !== true) throw thrown;
  bridge.log.warn('the announcement of an operation is missing; the worker checks the job', { operation });
}

function unserved(operation: string): ThroughlineError {
  const message = `no worker host serves ${operation} now; try again later`;
  return new ThroughlineError('operation-unserved', message, { retryAfterSeconds: RETRY_UNSERVED_SECONDS });
}

/**
 * Submits a new job, if it is still one: another request with its idempotency key may have come since it was looked for.
 * @returns undefined if one came a moment ago, whose job must be looked for
 */
function submitInKeyTurn(
  submitting: Checked,
  announcement: OperationAnnouncement | undefined,
): Promise<SubmitResult | undefined> {
  const { bridge, broker, command } = submitting;
  if (command.spec.fingerprint === undefined) return submitNew(submitting, announcement);
  return bridge.keyTurns.take(command.jobId, broker, async () => {
    const existing = bridge.keys.has(command.jobId) ? await findExisting(submitting) : undefined;
    return existing ?? (await submitNew(submitting, announcement));
  });
}

/** Publishes a new job, or adds it to the outbox. The job's message carries the PRODUCER span, also if it is sent later. */
async function submitNew(
  submitting: Checked,
  announcement: OperationAnnouncement | undefined,
): Promise<SubmitResult> {
  const { bridge, broker, command } = submitting;
  const { tenant } = command;
  const body = writeJson(command.input);
  const taken = usageOfJob(command.spec, body.length);
  // The jobs of a batch are submitted side by side, so each counts from now on, and not only when it is stored.
  const entered = bridge.usage.enter(tenant, taken);
  const quotas = bridge.quotasOf(command);
  const needsPlace = command.spec.orderingKey === undefined;
  const place =
    bridge.usage.checkKnown(tenant, taken, entered, quotas, needsPlace) ??
    (await bridge.usage.check(tenant, taken, entered, quotas, { leftMs: broker.leftMs, needsPlace }));
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
  const admitting = bridge.pooled.admit(broker.apart(), command, place, broker.leftMs);
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
    ...{ tenant, jobId, operation, acceptedAt },
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
  if (result === 'duplicate') {
    // JetStream already has a message with this id: another request with the same key was first. Its job is the answer.
    const looking = { ...submitting, broker: submitting.broker.apart(DUPLICATE_LOOK_MS) };
    const first = await findExisting(looking);
    // Without an answer nobody knows whether that request was the same one.
    if (first === undefined && looking.broker.session === undefined)
      throw unavailable('no answer about the job of the Idempotency-Key');
    return first ?? reportAccepted(submitting, newJob, 'stream');
  }
  // The request's line names the job. At `info`, a job costs one line.
  submitting.bridge.log.debug('job published', logFields(newJob), newJob.sending);
  return reportAccepted(submitting, newJob, 'stream');
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
  log.info('job pending in the outbox', logFields(newJob), newJob.sending);
  span.setAttribute(ATTR.durability, 'outbox');
  return reportAccepted(submitting, newJob, 'outbox');
}

/** Reports a stored job to the index, and makes the answer. */
function reportAccepted(
  { bridge, isServed }: Checked,
  { job: outgoing, body, sending }: NewJob,
  durability: Job['durability'],
): SubmitResult {
  const queued = queuedJob(outgoing, durability);
  const job: Job = isServed ? queued : { ...queued, served: false };
  if (!isServed) noteUnserved(bridge, job, sending);
  bridge.feed.addAccepted(outgoing.tenant, job, body.length);
  return { job, replayed: false };
}

function noteUnserved({ counts, log }: SubmitParts, { id, operation }: Job, sending: Context): void {
  counts.unservedJobs++;
  const fields = { job_id: id, operation };
  log.warn('job accepted, though no worker host serves its operation now', fields, sending);
}

/** The job at its end. If `untilMs` (epoch milliseconds) comes first: the job after its latest event. */
async function awaitEnd(job: Job, waiter: ResultWaiter, tenant: string, untilMs: number): Promise<Job> {
  if (isTerminal(job.state)) return job;
  const since = Date.now();
  const end = await waiter.end(untilMs);
  if (end !== undefined) {
    recordReceive(end, tenant, since);
    return jobOfEvent(end.event);
  }
  return waiter.latest === undefined ? job : jobOfEvent(waiter.latest);
}

function logFields({ job }: NewJob) {
  return { job_id: job.jobId, operation: job.operation, tenant: job.tenant };
}
