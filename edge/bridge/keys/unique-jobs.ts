import { describeThrown, ThroughlineError, unavailable } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/job/job.ts';
import { isTerminal } from '../../../shared/job/job-state.ts';
import type { SubmitCommand, SubmitResult } from '../../calls/commands.ts';
import { mayBeSameRequest } from '../../jobs/broker-record.ts';
import { type FoundJob, findJob, ignoreUnreadable } from '../../jobs/job-reader.ts';
import type { RequestBroker } from '../../nats/request-broker.ts';
import type { Outbox } from '../../outbox/outbox.ts';
import { mayBeAtBroker, pendingJob } from '../../outbox/pending-job.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { UniqueJob, UniqueTable } from './unique-table.ts';

/** For each new job, two older ones are looked at, so that the table does not grow with the jobs that have ended. */
const SWEEP = { jobs: 2, uncheckedMs: 60_000 } as const;
/** How many jobs of its key one submission looks at, in all and at the same time. */
const LOOK = { jobs: 256, atOnce: 16 } as const;

/** After this time some of the jobs may have ended. */
const RETRY_SECONDS = 5;

/** What the unique jobs need of their bridge. */
interface UniqueParts {
  /** The bridge's name. */
  readonly name: string;
  readonly outbox: Pick<Outbox, 'findPending'>;
  readonly log: Logger;
  readonly table: UniqueTable;
}

/**
 * The jobs with a unique key. All jobs of a key go through one bridge, one after the other, so two submissions at the same
 * moment make one job (docs/decisions/tenants.md).
 */
export class UniqueJobs {
  readonly #parts: UniqueParts;
  /** The submissions under way, by key. Each gives its job, or undefined if it failed. */
  readonly #turns = new Map<string, Promise<Job | undefined>>();

  constructor(parts: UniqueParts) {
    this.#parts = parts;
  }

  /**
   * Submits a job, unless it has a unique key and a job of this key is there.
   * @param submitNew submits it as a new job. It returns undefined in the same case as this method
   * @returns undefined if another request with the same idempotency key came meanwhile. {@link answered} or NATS knows its job
   * @throws ThroughlineError what `submitNew` throws; `broker-unavailable` if NATS is away, and nobody can tell whether a job
   *   of the key is there; `quota-exceeded` if more than 256 unfinished jobs have the key
   */
  submit(
    broker: RequestBroker,
    command: SubmitCommand,
    submitNew: () => Promise<SubmitResult | undefined>,
  ): Promise<SubmitResult | undefined> {
    const { unique } = command;
    return unique === undefined ? submitNew() : this.#submitInTurn(broker, command, unique.key, submitNew);
  }

  async #submitInTurn(
    broker: RequestBroker,
    command: SubmitCommand,
    key: string,
    submitNew: () => Promise<SubmitResult | undefined>,
  ): Promise<SubmitResult | undefined> {
    const name = JSON.stringify([command.tenant, command.operation, key]);
    for (let turn = this.#turns.get(name); turn !== undefined; turn = this.#turns.get(name)) {
      // The job of a submission that was under way was there while this one waited.
      const job = await broker.inTime(turn);
      if (job !== undefined && standsFor(job, command)) return this.#answer(command, job);
    }
    const result = this.#findOrSubmit(broker, command, key, submitNew);
    const turn = result.then(
      (submitted) => submitted?.job,
      () => undefined,
    );
    this.#turns.set(name, turn);
    try {
      return await result;
    } finally {
      this.#turns.delete(name);
    }
  }

  /**
   * The answer to an earlier submission with the same idempotency key, if it was a job that was there already. The fingerprint is
   * that of the earlier submission.
   * @throws ThroughlineError `broker-unavailable` if NATS is away, and nobody can tell how the job stands
   */
  async answered(broker: RequestBroker, command: SubmitCommand): Promise<FoundJob | undefined> {
    if (command.unique === undefined) return undefined;
    const answer = this.#parts.table.answerTo(command);
    if (answer === undefined) return undefined;
    const found = await this.#read(broker, answer);
    if (found === undefined) this.#parts.table.removeAnswer(command);
    return found && { job: found.job, fingerprint: answer.fingerprint };
  }

  async #findOrSubmit(
    broker: RequestBroker,
    command: SubmitCommand,
    key: string,
    submitNew: () => Promise<SubmitResult | undefined>,
  ): Promise<SubmitResult | undefined> {
    const { table } = this.#parts;
    const existing = await this.#find(broker, command, key);
    if (existing !== undefined) return this.#answer(command, existing);
    const position = table.add(command, key);
    try {
      const result = await submitNew();
      if (result === undefined) table.remove(position);
      void this.sweep(broker);
      return result;
    } catch (thrown) {
      table.remove(position);
      throw thrown;
    }
  }

  /**
   * The youngest job of the key that stands for the new one.
   * @throws ThroughlineError `quota-exceeded` if there are too many to look at. Those that have ended are removed, so a later try
   *   may succeed
   */
  async #find(broker: RequestBroker, command: SubmitCommand, key: string): Promise<Job | undefined> {
    const { tenant, operation } = command;
    const all = this.#parts.table.ofKey(tenant, operation, key, {
      since: oldestOf(command),
      limit: LOOK.jobs + 1,
    });
    for (let from = 0; from < LOOK.jobs && from < all.length; from += LOOK.atOnce) {
      const some = all.slice(from, Math.min(from + LOOK.atOnce, LOOK.jobs));
      const jobs = await Promise.all(some.map((known) => this.#readKnown(broker, known)));
      const found = jobs.find((job) => job !== undefined && standsFor(job, command));
      if (found !== undefined) return found;
    }
    if (all.length > LOOK.jobs) throw tooMany();
    return undefined;
  }

  /**
   * Reads a job of the table. A row without an unfinished job is removed. If the job that is found has another fingerprint, it came
   * from another request with the same idempotency key, and NATS rejects the job of the row.
   */
  async #readKnown(broker: RequestBroker, known: UniqueJob): Promise<Job | undefined> {
    const found = await this.#read(broker, known);
    if (
      found !== undefined &&
      mayBeSameRequest(found.fingerprint, known.fingerprint) &&
      !isTerminal(found.job.state)
    )
      return found.job;
    this.#parts.table.remove(known.position);
    return undefined;
  }

  /** Reads a job in the outbox and, unless it was never sent, in NATS. @throws ThroughlineError `broker-unavailable` */
  async #read(
    broker: RequestBroker,
    { tenant, jobId }: Pick<UniqueJob, 'tenant' | 'jobId'>,
  ): Promise<FoundJob | undefined> {
    const { outbox, name } = this.#parts;
    const pending = outbox.findPending(tenant, jobId);
    if (pending === undefined || mayBeAtBroker(pending)) {
      // Nobody knows what happened to a job whose record cannot be read. It must not stand for other jobs for ever.
      const found = await broker.ask((session) => findJob(session, tenant, jobId)).catch(ignoreUnreadable);
      if (found !== undefined) return found;
    }
    if (pending !== undefined && (pending.publication === 'unsent' || broker.session !== undefined))
      return { job: pendingJob(pending, name), fingerprint: pending.job.spec.fingerprint };
    if (broker.session !== undefined) return undefined;
    throw unavailable('nobody can tell now whether a job with this unique key is there');
  }

  /** @returns undefined if another request with its idempotency key was answered meanwhile */
  #answer(command: SubmitCommand, job: Job): SubmitResult | undefined {
    const { table } = this.#parts;
    if (command.spec.fingerprint !== undefined) {
      if (job.id === command.jobId || table.answerTo(command) !== undefined) return undefined;
      table.addAnswer(command, job.id);
    }
    return { job, replayed: false, existing: true };
  }

  /** Looks at the jobs that were not looked at for the longest time, and removes those that have ended. Never throws. */
  async sweep(broker: RequestBroker): Promise<void> {
    const { table, log } = this.#parts;
    try {
      const jobs = table.takeUnchecked(SWEEP.jobs, Date.now() - SWEEP.uncheckedMs);
      await Promise.all(jobs.map((known) => this.#readKnown(broker, known)));
    } catch (thrown) {
      log.debug('unique jobs cannot be looked at now', { reason: describeThrown(thrown) });
    }
  }
}

/** The earliest time at which a job that stands for the new one may have been accepted, in epoch milliseconds. */
function oldestOf({ acceptedAt, unique }: SubmitCommand): number {
  return unique?.for === undefined ? 0 : Date.parse(acceptedAt) - unique.for;
}

/** Whether a job stands for a new one with the same key. */
function standsFor(job: Job, command: SubmitCommand): boolean {
  if (Date.parse(job.acceptedAt) < oldestOf(command)) return false;
  return command.unique?.while === 'queued' ? job.state === 'queued' : !isTerminal(job.state);
}

function tooMany(): ThroughlineError {
  const message = `more than ${LOOK.jobs} jobs with this unique key are there; wait until some of them have ended`;
  return new ThroughlineError('quota-exceeded', message, { retryAfterSeconds: RETRY_SECONDS });
}
