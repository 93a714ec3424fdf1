import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { errorFrom } from '../../shared/error-table.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { jobOfEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import type {
  SubmitAnswer,
  SubmitCommand,
  SubmitResult,
  TrialAnswer,
  TrialCommand,
} from '../calls/commands.ts';
import { keyIdOf } from '../calls/placement.ts';
import { recordReceive } from '../jobs/job-spans.ts';
import { ResultWaiter } from '../jobs/result-waiter.ts';
import { RequestBroker } from '../nats/request-broker.ts';
import { findExisting } from './existing-job.ts';
import { type Checked, type SubmitParts, type Submitting, submitNew } from './new-job.ts';
import type { Turn } from './order-turns.ts';

/** A job that is submitted, or only tried out. */
type Trying = Pick<Submitting, 'bridge' | 'broker'> & { readonly command: TrialCommand };

/** The bridge knows of a host that starts after a moment. */
const RETRY_UNSERVED_SECONDS = 5;

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
 * The waiter for the job that is the answer. If that is an existing job with the same unique key, it needs another waiter. That one
 * starts without a session, so it begins by looking up the event that was missed.
 */
function waiterFor({ bridge, command }: Submitting, { id }: Job, waiter: ResultWaiter): ResultWaiter {
  if (id === command.jobId) return waiter;
  return ResultWaiter.start(bridge.connection, undefined, { tenant: command.tenant, jobId: id });
}

/**
 * Checks a job like one that is submitted. The job is not taken, and quotas, room and hosts are not looked at.
 * @throws ThroughlineError `operation-unknown`, `request-invalid`; `broker-unavailable` as {@link submit}
 */
export async function tryOut(bridge: SubmitParts, command: TrialCommand): Promise<TrialAnswer> {
  const trying = { bridge, command, broker: await RequestBroker.start(bridge.connection) };
  const announcement = await announcementOf(trying);
  const { inputCheck } = command;
  const untaken = announcement && (await bridge.inputChecks.answer(inputCheck, announcement));
  return untaken ?? { outcome: 'passed', inputCheck };
}

async function findOrSubmit(given: Submitting): Promise<SubmitAnswer> {
  const isKeyed = given.command.spec.fingerprint !== undefined;
  const known = isKeyed ? ofKnownKey(given) : undefined;
  const submitting = known ?? given;
  const { bridge, broker, command, turn } = submitting;
  const existing = isKeyed ? await findExisting(submitting, known !== undefined) : undefined;
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
function announcementOf(trying: Trying): OperationAnnouncement | Promise<OperationAnnouncement | undefined> {
  const { bridge, broker, command } = trying;
  const checking = bridge.operations.check(broker, command);
  return checking instanceof Promise
    ? checking.catch((thrown: unknown) => withoutAnnouncement(trying, thrown))
    : checking;
}

async function withoutAnnouncement(
  { bridge, broker, command: { operation } }: Trying,
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
 * Submits a new job, unless another request with its idempotency key has submitted one since the bridge looked for it.
 * @returns undefined if such a request was under way a moment ago, or gave the key another id: look for its job again
 */
function submitInKeyTurn(
  submitting: Checked,
  announcement: OperationAnnouncement | undefined,
): Promise<SubmitResult | undefined> {
  const { bridge, broker, command } = submitting;
  if (command.spec.fingerprint === undefined) return submitNew(submitting, announcement);
  return bridge.keyTurns.take(keyIdOf(command.jobId), broker, async () => {
    const known = bridge.keys.idOf(command.jobId);
    // What was done so far, such as the row of a unique key, has another id.
    if (known !== undefined && known !== command.jobId) return undefined;
    const existing = known === undefined ? undefined : await findExisting(submitting);
    return existing ?? (await submitNew(submitting, announcement));
  });
}

/**
 * The submission with the id of the job that was submitted with its key, or was about to be. If that request had another ordering key
 * or unique key, this is another id than its own. Undefined if no such job is known.
 */
function ofKnownKey(submitting: Submitting): Submitting | undefined {
  const { bridge, command } = submitting;
  const jobId = bridge.keys.idOf(command.jobId);
  return jobId === undefined ? undefined : { ...submitting, command: { ...command, jobId } };
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
