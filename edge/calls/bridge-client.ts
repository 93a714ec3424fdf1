import type {
  DeadLetterDetail,
  DeadLetterPage,
  RedriveReport,
} from '../../shared/api/answers/dead-letter.ts';
import type { BridgeStatus } from '../../shared/api/answers/health.ts';
import type { JobHistory } from '../../shared/api/answers/job-history.ts';
import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';
import type { OutboxItem } from '../../shared/api/answers/outbox.ts';
import { errorFrom } from '../../shared/error-table.ts';
import { type ThroughlineError, unavailable } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import { type BridgeAddress, BridgeAddresses, type BridgePlacement } from './bridge-addresses.ts';
import {
  type Accepted,
  type BridgeShare,
  CANCEL_MANY_BUDGET_MS,
  type CancelCommand,
  type Cancellation,
  type CancelOutcome,
  type EarlierSubmitCommand,
  type SubmitAnswer,
  type SubmitCommand,
  type TrialAnswer,
  type WatchCommand,
} from './commands.ts';
import {
  type DeadLettersCommand,
  LIST_BUDGET_MS,
  REDRIVE_BUDGET_MS,
  REDRIVE_MANY_BUDGET_MS,
  type RedriveCommand,
  type RedriveManyCommand,
  type Redriven,
} from './dead-letter-commands.ts';
import { callObject, orAsEarlier } from './object-call.ts';
import type { BridgeApi } from './objects.ts';
import type { Region } from './placement.ts';
import { jobIdOfRejected } from './rejected-id.ts';
import { type Reply, refusal } from './reply.ts';

/** The edge waits longer than the bridge's own time limit, by this much, so that the caller gets the answer of the bridge. */
const MARGIN_MS = 1_500;

/** A submission with its input as JSON, and as the value that a bridge of an earlier version takes. */
type Command = Omit<SubmitCommand & EarlierSubmitCommand, 'carrier'>;
type BridgeStub = DurableObjectStub<BridgeApi>;
/** Calls a method of a bridge. */
type Ask<T> = (bridge: BridgeStub, carrier: Carrier) => Promise<Reply<T>>;

interface BridgeClientOptions extends BridgePlacement {
  readonly brokerTimeoutMs: number;
  /** Is told why a bridge did not answer, if that is no error of the whole request. */
  readonly onFailure: (error: ThroughlineError) => void;
}

/** Calls the bridges: picks the shard, makes the CLIENT span, limits the wait. */
export class BridgeClient {
  readonly #namespace: DurableObjectNamespace<BridgeApi>;
  readonly #options: BridgeClientOptions;
  readonly #addresses: BridgeAddresses;
  /** Of the bridges that were called. There are few of them. */
  readonly #ids = new Map<string, DurableObjectId>();

  constructor(namespace: DurableObjectNamespace<BridgeApi>, options: BridgeClientOptions) {
    this.#namespace = namespace;
    this.#options = options;
    this.#addresses = new BridgeAddresses(options);
  }

  /** The region whose bridges take the jobs that this caller submits without an idempotency key. */
  get region(): Region | undefined {
    return this.#options.region;
  }

  /** Submits a job. @throws ThroughlineError see `submit` */
  submit(command: Command): Promise<SubmitAnswer | Accepted> {
    return this.#call('submit', command.jobId, command.waitMs, (bridge, carrier) =>
      orAsEarlier<Reply<SubmitAnswer | Accepted>>(
        bridge.submitJob({ ...withoutInput(command), carrier, takesJson: true }),
        () => bridge.submit({ ...command, carrier, takesJson: true }),
      ),
    );
  }

  /** Checks a job like a submission, but does not accept it. @throws ThroughlineError see `tryOut` */
  tryOut({ input: _, inputJson: __, ...command }: Command): Promise<TrialAnswer> {
    return this.#call('tryOut', command.jobId, 0, (bridge, carrier) =>
      bridge.tryOut({ ...command, carrier }),
    );
  }

  /**
   * Submits many jobs, with one call to each of their bridges. If a bridge does not answer, that error is the reply for its jobs.
   * @returns a reply for each job, in order
   * @throws ThroughlineError when no bridge answers
   */
  async submitBatch(commands: readonly Command[]): Promise<Reply<SubmitAnswer>[]> {
    let answered = false;
    const failures: ThroughlineError[] = [];
    const replies = await this.#inGroups(
      commands,
      ({ jobId }) => jobId,
      async (group) => {
        try {
          const ofGroup = await this.#submitGroup(group);
          answered = true;
          return ofGroup;
        } catch (thrown) {
          const error = errorFrom(thrown);
          failures.push(error);
          return group.map(() => refusal(error));
        }
      },
    );
    if (failures.length > 0 && !answered) throw failures[0];
    for (const error of failures) this.#options.onFailure(error);
    return replies;
  }

  /** Calls each bridge once, with those of `all` whose jobs it has. @returns an answer for each of `all`, in order */
  async #inGroups<T, R>(
    all: readonly T[],
    jobIdOf: (one: T) => string,
    ask: (group: readonly T[]) => Promise<readonly R[]>,
  ): Promise<R[]> {
    const groups = Map.groupBy(all, (one) => this.#addresses.ofJob(jobIdOf(one)).name);
    const answers = new Map<T, R>();
    await Promise.all(
      [...groups.values()].map(async (group) => {
        for (const [place, answer] of (await ask(group)).entries()) {
          const one = group[place];
          if (one !== undefined) answers.set(one, answer);
        }
      }),
    );
    return all.flatMap((one) => answers.get(one) ?? []);
  }

  /** Submits jobs of one bridge. */
  #submitGroup(group: readonly Command[]): Promise<Reply<SubmitAnswer>[]> {
    return this.#call('submitBatch', group[0]?.jobId ?? '', 0, (bridge, carrier) =>
      orAsEarlier<Reply<Reply<SubmitAnswer>[]>>(
        bridge.submitJobs(
          group.map((command) => ({ ...withoutInput(command), carrier })),
          carrier,
        ),
        () =>
          bridge.submitBatch(
            group.map((command) => ({ ...command, carrier })),
            carrier,
          ),
      ),
    );
  }

  /** A job of `tenant`, or undefined. @throws ThroughlineError `broker-unavailable` */
  read(tenant: string, jobId: string): Promise<Job | undefined> {
    return this.#call('read', jobId, 0, (bridge, carrier) => bridge.read({ tenant, jobId, carrier }));
  }

  /** A page of dead letters of a tenant. @throws ThroughlineError `broker-unavailable` */
  deadLetters(command: Omit<DeadLettersCommand, 'carrier'>): Promise<DeadLetterPage> {
    return this.#callAt(
      this.#addresses.ofTenant(command.tenant),
      'deadLetters',
      LIST_BUDGET_MS,
      (bridge, carrier) => bridge.deadLetters({ ...command, carrier }),
    );
  }

  /** A dead letter of `tenant`, or undefined. @throws ThroughlineError `broker-unavailable` */
  deadLetter(tenant: string, jobId: string): Promise<DeadLetterDetail | undefined> {
    return this.#call('deadLetter', jobId, 0, (bridge, carrier) =>
      bridge.deadLetter({ tenant, jobId, carrier }),
    );
  }

  /** Redrives a dead letter. @throws ThroughlineError see `redrive` */
  redrive(command: Omit<RedriveCommand, 'carrier'>): Promise<Redriven> {
    return this.#call('redrive', command.jobId, REDRIVE_BUDGET_MS, (bridge, carrier) =>
      bridge.redrive({ ...command, carrier }),
    );
  }

  /** Redrives many dead letters. @throws ThroughlineError see `redriveMany` */
  redriveMany(command: Omit<RedriveManyCommand, 'carrier'>): Promise<RedriveReport> {
    return this.#callAt(
      this.#addresses.ofTenant(command.tenant),
      'redriveMany',
      REDRIVE_MANY_BUDGET_MS,
      (bridge, carrier) => bridge.redriveMany({ ...command, carrier }),
    );
  }

  /**
   * The recorded events of a job after `after`, one page of them.
   * @throws ThroughlineError `job-unknown`, `broker-unavailable`
   */
  history(tenant: string, jobId: string, after: number): Promise<JobHistory> {
    return this.#call('history', jobId, 0, (bridge, carrier) =>
      bridge.history({ tenant, jobId, after, carrier }),
    );
  }

  /**
   * A job's events as `text/event-stream`, or null when no more will come.
   * @throws ThroughlineError `job-unknown`, `too-many-streams`, `broker-unavailable`
   */
  watch(command: Omit<WatchCommand, 'carrier'>): Promise<ReadableStream<Uint8Array> | null> {
    return this.#call('watch', command.jobId, 0, (bridge, carrier) => bridge.watch({ ...command, carrier }));
  }

  /** Cancels a job of `tenant`; undefined when there is none. @throws ThroughlineError `broker-unavailable` */
  cancel(command: Omit<CancelCommand, 'carrier'>): Promise<Cancellation | undefined> {
    return this.#call('cancel', command.jobId, command.waitMs, (bridge, carrier) =>
      bridge.cancel({ ...command, carrier }),
    );
  }

  /**
   * Cancels many jobs of `tenant`, with one call to each of their bridges.
   * @returns what became of each, in order; the error code if its bridge does not answer
   */
  cancelMany(tenant: string, jobIds: readonly string[]): Promise<CancelOutcome[]> {
    return this.#inGroups(
      jobIds,
      (id) => id,
      (group) =>
        this.#call('cancelMany', group[0] ?? '', CANCEL_MANY_BUDGET_MS, (bridge, carrier) =>
          bridge.cancelMany({ tenant, jobIds: group, carrier }),
        ).catch((thrown: unknown) => {
          const error = errorFrom(thrown);
          this.#options.onFailure(error);
          return group.map(() => error.code);
        }),
    );
  }

  /** The operations that workers have announced. @throws ThroughlineError `broker-unavailable` */
  operations(): Promise<ListedOperation[]> {
    return this.#callAt(this.#addresses.ofTenant(''), 'operations', 0, (bridge, carrier) =>
      bridge.operations(carrier),
    );
  }

  /**
   * The status of each bridge of the caller's region.
   * @throws ThroughlineError `broker-unavailable` if one of them does not answer
   */
  status(): Promise<BridgeStatus[]> {
    return this.#callAll('status', (bridge, carrier) => bridge.status(carrier));
  }

  /**
   * What a tenant takes of each bridge of the caller's region. Each bridge counts for itself.
   * @throws ThroughlineError `broker-unavailable` if one of them does not answer
   */
  tenantUsage(tenant: string): Promise<BridgeShare[]> {
    return this.#callAll('tenantUsage', (bridge) => bridge.tenantUsage(tenant));
  }

  /** A tenant's jobs in the outboxes of the caller's region, oldest first. @throws ThroughlineError `broker-unavailable` */
  async outbox(tenant: string, limit: number): Promise<OutboxItem[]> {
    const lists = await this.#callAll('outbox', (bridge, carrier) =>
      bridge.outbox({ tenant, limit, carrier }),
    );
    return lists
      .flat()
      .sort((a, b) => (a.addedAt < b.addedAt ? -1 : 1))
      .slice(0, limit);
  }

  /**
   * Sends a rejected job of the outbox again; undefined when there is none.
   * @throws ThroughlineError `broker-unavailable`
   */
  retryRejected(tenant: string, id: string): Promise<Job | undefined> {
    return this.#call('retryRejected', jobIdOfRejected(id), 0, (bridge, carrier) =>
      bridge.retryRejected({ tenant, id, carrier }),
    );
  }

  /**
   * Gives up a rejected job of the outbox; undefined when there is none.
   * @throws ThroughlineError `broker-unavailable`
   */
  removeRejected(tenant: string, id: string): Promise<OutboxItem | undefined> {
    return this.#call('removeRejected', jobIdOfRejected(id), 0, (bridge, carrier) =>
      bridge.removeRejected({ tenant, id, carrier }),
    );
  }

  /** Calls each bridge of the caller's region. */
  #callAll<T>(method: string, ask: Ask<T>): Promise<T[]> {
    return Promise.all(this.#addresses.all().map((address) => this.#callAt(address, method, 0, ask)));
  }

  #call<T>(method: string, key: string, waitMs: number, ask: Ask<T>): Promise<T> {
    return this.#callAt(this.#addresses.ofJob(key), method, waitMs, ask);
  }

  #callAt<T>({ name, locationHint }: BridgeAddress, method: string, waitMs: number, ask: Ask<T>): Promise<T> {
    return callObject({
      kind: 'bridge',
      method,
      attributes: { 'throughline.bridge.name': name },
      limitMs: this.#options.brokerTimeoutMs + MARGIN_MS + waitMs,
      ask: (carrier) =>
        ask(
          this.#namespace.get(this.#idOf(name), locationHint === undefined ? undefined : { locationHint }),
          carrier,
        ),
      unavailable,
    });
  }

  /** The platform hashes the name each time, so the ids are kept. */
  #idOf(name: string): DurableObjectId {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = this.#namespace.idFromName(name);
    this.#ids.set(name, id);
    return id;
  }
}

function withoutInput({ input: _, ...command }: Command): Omit<Command, 'input'> {
  return command;
}
