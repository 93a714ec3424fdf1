import { ThroughlineError } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import type { SubmitCommand, SubmitResult } from '../calls/commands.ts';
import { mayBeSameRequest } from '../jobs/broker-record.ts';
import { type FoundJob, findJob } from '../jobs/job-reader.ts';
import { queuedJob } from '../jobs/outgoing-job.ts';
import type { RequestBroker } from '../nats/request-broker.ts';
import { pendingJob } from '../outbox/pending-job.ts';
import { isRunId } from '../schedules/run-id.ts';
import type { BridgeParts } from './bridge-parts.ts';

/** What a look for an existing job needs of its bridge. */
type ExistingParts = Pick<BridgeParts, 'name' | 'outbox' | 'unique' | 'keys' | 'ended'>;

/** A submission whose idempotency key may belong to a job. */
interface Keyed {
  readonly bridge: ExistingParts;
  readonly broker: RequestBroker;
  readonly command: SubmitCommand;
}

/**
 * The job that this idempotency key already belongs to, if there is one.
 * @param isKnown false: this bridge does not know the key
 * @throws ThroughlineError `idempotency-key-reused` if that job came from another request
 */
export async function findExisting(submitting: Keyed, isKnown = true): Promise<SubmitResult | undefined> {
  const { bridge, broker, command } = submitting;
  const answered = await bridge.unique.answered(broker, command);
  if (answered !== undefined) return { ...replayOf(command, answered), existing: true };
  // Another edge may have the same schedule, so the keys of this bridge do not show whether the job of a run is new.
  if (!isKnown && !isRunId(command.jobId) && bridge.keys.isComplete) return undefined;
  const found = await findJobOfKey(submitting);
  return found && replayOf(command, found);
}

/** The answer with a job that existed already. @throws ThroughlineError `idempotency-key-reused` */
export function replayOf({ spec: { fingerprint } }: SubmitCommand, found: FoundJob): SubmitResult {
  if (mayBeSameRequest(found.fingerprint, fingerprint)) return { job: found.job, replayed: true };
  throw new ThroughlineError(
    'idempotency-key-reused',
    'this Idempotency-Key was sent with another request; use a new key for a new job',
  );
}

/**
 * Finds the job of an idempotency key: in the outbox, among the jobs that were seen at their end, then in NATS. If NATS does not
 * answer, a row of the outbox is the answer.
 */
async function findJobOfKey({ bridge, broker, command }: Keyed): Promise<FoundJob | undefined> {
  const { tenant, jobId, spec } = command;
  const pending = findInOutbox(bridge, command);
  if (pending !== undefined && pending.fingerprint === spec.fingerprint) return pending;
  const ended = bridge.ended.find(tenant, jobId);
  if (ended !== undefined) return { ...ended, job: withoutAttempts(ended.job) };
  // The pending job may come from another request than the job that NATS has.
  const stored = await broker.ask((session) => findJob(session, tenant, jobId));
  if (stored !== undefined) bridge.ended.keep(tenant, stored);
  const found = stored ?? pending;
  if (found !== undefined || broker.session !== undefined) return found;
  const published = bridge.outbox.findPublished(tenant, jobId);
  return (
    published && { job: queuedJob(published.job, 'stream'), fingerprint: published.job.spec.fingerprint }
  );
}

/** Answers to submissions have no attempts. */
function withoutAttempts({ attempts: _, ...job }: Job): Job {
  return job;
}

/** The job in the outbox, if it is there. */
export function findInOutbox(
  { outbox, name }: ExistingParts,
  { tenant, jobId }: Pick<SubmitCommand, 'tenant' | 'jobId'>,
): FoundJob | undefined {
  const entry = outbox.findPending(tenant, jobId);
  return entry && { job: pendingJob(entry, name), fingerprint: entry.job.spec.fingerprint };
}
