import { isLimited, type OperationAnnouncement } from '../../shared/api/operation.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { JobSpec } from '../../shared/job/job-spec.ts';
import type { SubmitCommand } from '../calls/commands.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { RequestBroker } from '../nats/request-broker.ts';
import type { Logger } from '../telemetry/log.ts';
import { type AnnouncedOperation, OperationWatch } from './operation-watch.ts';
import type { SavedOperations } from './saved-operations.ts';

type CheckedJob = Pick<SubmitCommand, 'operation' | 'spec'>;

/**
 * The operations that can be run: those that NATS holds now; while NATS is away, those that it held when it last answered.
 */
export class OperationDirectory {
  readonly #saved: SavedOperations;
  readonly #log: Logger;
  #watch: OperationWatch | undefined;

  constructor(saved: SavedOperations, log: Logger) {
    this.#saved = saved;
    this.#log = log;
  }

  /** All announced operations, by name. @throws ThroughlineError `broker-unavailable` */
  list(session: BrokerSession): Promise<AnnouncedOperation[]> {
    return this.#watchOver(session).list();
  }

  /**
   * Checks that a job's operation is announced, and that the job keeps its limits.
   * @returns the operation's announcement
   * @throws ThroughlineError `operation-unknown`, `request-invalid`; `broker-unavailable` if NATS
   *   is away and the operation was not announced before
   */
  check(broker: RequestBroker, job: CheckedJob): OperationAnnouncement | Promise<OperationAnnouncement> {
    const { session } = broker;
    const known = session && this.#watchOver(session).findKnown(job.operation);
    return known === undefined ? this.#findAndCheck(broker, job) : checkLimits(job.spec, known);
  }

  async #findAndCheck(
    broker: RequestBroker,
    { operation, spec }: CheckedJob,
  ): Promise<OperationAnnouncement> {
    const found = await broker.ask((one) => this.#watchOver(one).find(operation));
    return checkLimits(spec, found ?? this.#saved.find(operation));
  }

  /** Whether an operation is known to have a limit by key. It may be unknown until the announcements were read. */
  isLimited(operation: string): boolean {
    return this.#saved.isLimited(operation);
  }

  /** There is one watch at a time. A caller whose session has closed gets the watch over the newer session. */
  #watchOver(session: BrokerSession): OperationWatch {
    const current = this.#watch;
    if (current !== undefined && (current.session === session || session.isClosed)) return current;
    const watch = new OperationWatch(session, this.#saved, this.#log);
    this.#watch = watch;
    return watch;
  }
}

/**
 * Checks that a job asks for no more than its operation allows; it may ask for less.
 * @returns the announcement
 * @throws ThroughlineError `request-invalid`
 */
function checkLimits(
  { timeoutMs, maxAttempts, orderingKey }: JobSpec,
  announcement: OperationAnnouncement,
): OperationAnnouncement {
  if (orderingKey !== undefined && isLimited(announcement)) {
    // A job that waits would hold its ordered lane, and with it the jobs of other keys and tenants.
    const reason = `${announcement.name} limits its jobs by a key`;
    throw new ThroughlineError('request-invalid', `orderingKey: not possible, since ${reason}`, {
      violations: [{ path: '/orderingKey', message: `must be left out: ${reason}` }],
    });
  }
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
  return announcement;
}
