import type { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../../shared/api/dead-letter.ts';
import type { BridgeStatus } from '../../shared/api/health.ts';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import type { OutboxItem } from '../../shared/api/outbox.ts';
import { unavailable } from '../../shared/errors.ts';
import type { JobHistory } from '../../shared/job/event-record.ts';
import type { Job } from '../../shared/job/job.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import type { CancelCommand, Cancellation, Submission, SubmitCommand } from './commands.ts';
import {
  type DeadLettersCommand,
  LIST_BUDGET_MS,
  REDRIVE_BUDGET_MS,
  REDRIVE_MANY_BUDGET_MS,
  type RedriveManyCommand,
  type Redriven,
} from './dead-letter-commands.ts';
import { callObject } from './object-call.ts';
import type { BridgeApi } from './objects.ts';
import { type Region, regionOfJob, shardOf } from './placement.ts';
import type { Reply } from './reply.ts';

/** The word for the bridges that serve all regions. */
const GLOBAL = 'global';
/** Added to the bridge's own time limits, so that a caller gets the bridge's answer, not ours. */
const MARGIN_MS = 1_500;

type BridgeStub = DurableObjectStub<BridgeApi>;

interface BridgeAddress {
  readonly name: string;
  readonly locationHint?: Region;
}

interface BridgeClientOptions {
  /** How many bridges a region has. */
  readonly shards: number;
  readonly brokerTimeoutMs: number;
  /** The caller's region, if bridges are placed by region; undefined: the same bridges serve all callers. */
  readonly region: Region | undefined;
  /** Where the bridges that serve all regions should be placed. */
  readonly locationHint: Region | undefined;
}

/** Calls the bridges: picks the shard, makes the CLIENT span, limits the wait. */
export class BridgeClient {
  readonly #namespace: DurableObjectNamespace<BridgeApi>;
  readonly #options: BridgeClientOptions;

  constructor(namespace: DurableObjectNamespace<BridgeApi>, options: BridgeClientOptions) {
    this.#namespace = namespace;
    this.#options = options;
  }

  /** Submits a job. @throws ThroughlineError see `submit` */
  submit(command: Omit<SubmitCommand, 'carrier'>): Promise<Submission> {
    return this.#call('submit', command.jobId, command.waitMs, (bridge, carrier) =>
      bridge.submit({ ...command, carrier }),
    );
  }

  /** The region whose bridges take the jobs that this caller submits without an idempotency key. */
  get region(): Region | undefined {
    return this.#options.region;
  }

  /**
   * Submits many jobs, with one call to each of their bridges: a reply for each job, in order.
   * @throws ThroughlineError when a call as a whole fails
   */
  async submitBatch(commands: readonly Omit<SubmitCommand, 'carrier'>[]): Promise<Reply<Submission>[]> {
    const groups = Map.groupBy(commands, ({ jobId }) => this.#bridgeOf(jobId).name);
    const replies = new Map<unknown, Reply<Submission>>();
    await Promise.all(
      [...groups.values()].map(async (group) => {
        const answers = await this.#call<Reply<Submission>[]>(
          'submitBatch',
          group[0]?.jobId ?? '',
          0,
          (bridge, carrier) =>
            bridge.submitBatch(
              group.map((command) => ({ ...command, carrier })),
              carrier,
            ),
        );
        for (const [place, command] of group.entries()) {
          const answer = answers[place];
          if (answer !== undefined) replies.set(command, answer);
        }
      }),
    );
    return commands.flatMap((command) => replies.get(command) ?? []);
  }

  /** A job of `tenant`, or undefined. @throws ThroughlineError `broker-unavailable` */
  read(tenant: string, jobId: string): Promise<Job | undefined> {
    return this.#call('read', jobId, 0, (bridge, carrier) => bridge.read({ tenant, jobId, carrier }));
  }

  /** A page of dead letters of a tenant. @throws ThroughlineError `broker-unavailable` */
  deadLetters(command: Omit<DeadLettersCommand, 'carrier'>): Promise<DeadLetterPage> {
    return this.#callAt(
      this.#bridgeOfTenant(command.tenant),
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
  redrive(tenant: string, jobId: string): Promise<Redriven> {
    return this.#call('redrive', jobId, REDRIVE_BUDGET_MS, (bridge, carrier) =>
      bridge.redrive({ tenant, jobId, carrier }),
    );
  }

  /** Redrives many dead letters. @throws ThroughlineError see `redriveMany` */
  redriveMany(command: Omit<RedriveManyCommand, 'carrier'>): Promise<RedriveReport> {
    return this.#callAt(
      this.#bridgeOfTenant(command.tenant),
      'redriveMany',
      REDRIVE_MANY_BUDGET_MS,
      (bridge, carrier) => bridge.redriveMany({ ...command, carrier }),
    );
  }

  /** The recorded events of a job after `after`, one page of them. @throws ThroughlineError `job-unknown`, `broker-unavailable` */
  history(tenant: string, jobId: string, after: number): Promise<JobHistory> {
    return this.#call('history', jobId, 0, (bridge, carrier) =>
      bridge.history({ tenant, jobId, after, carrier }),
    );
  }

  /**
   * A job's events after `after` as `text/event-stream`, or null when no more will come.
   * @throws ThroughlineError `job-unknown`, `broker-unavailable`
   */
  watch(tenant: string, jobId: string, after: number): Promise<ReadableStream<Uint8Array> | null> {
    return this.#call('watch', jobId, 0, (bridge, carrier) =>
      bridge.watch({ tenant, jobId, after, carrier }),
    );
  }

  /** Cancels a job of `tenant`; undefined when there is none. @throws ThroughlineError `broker-unavailable` */
  cancel(command: Omit<CancelCommand, 'carrier'>): Promise<Cancellation | undefined> {
    return this.#call('cancel', command.jobId, command.waitMs, (bridge, carrier) =>
      bridge.cancel({ ...command, carrier }),
    );
  }

  /** The operations that workers have announced. @throws ThroughlineError `broker-unavailable` */
  operations(): Promise<OperationAnnouncement[]> {
    return this.#callAt(this.#bridgeOfTenant(''), 'operations', 0, (bridge, carrier) =>
      bridge.operations(carrier),
    );
  }

  /**
   * The status of each bridge of the caller's region.
   * @throws ThroughlineError `broker-unavailable` where one of them does not answer
   */
  status(): Promise<BridgeStatus[]> {
    return Promise.all(
      this.#shards().map((address) =>
        this.#callAt(address, 'status', 0, (bridge, carrier) => bridge.status(carrier)),
      ),
    );
  }

  /** A tenant's jobs in the outboxes of the caller's region, oldest first. @throws ThroughlineError `broker-unavailable` */
  async outbox(tenant: string, limit: number): Promise<OutboxItem[]> {
    const lists = await Promise.all(
      this.#shards().map((address) =>
        this.#callAt(address, 'outbox', 0, (bridge, carrier) => bridge.outbox({ tenant, limit, carrier })),
      ),
    );
    return lists
      .flat()
      .sort((a, b) => (a.addedAt < b.addedAt ? -1 : 1))
      .slice(0, limit);
  }

  /** Sends a rejected job of the outbox again; undefined when there is none. @throws ThroughlineError `broker-unavailable` */
  retry(tenant: string, jobId: string): Promise<Job | undefined> {
    return this.#call('retry', jobId, 0, (bridge, carrier) => bridge.retry({ tenant, jobId, carrier }));
  }

  /** The bridge of a job's id, always the same. */
  #bridgeOf(key: string): BridgeAddress {
    return this.#addressOf(regionOfJob(key), shardOf(key, this.#options.shards));
  }

  /** The bridge for a request about a tenant, not about one job. */
  #bridgeOfTenant(tenant: string): BridgeAddress {
    return this.#addressOf(undefined, shardOf(tenant, this.#options.shards));
  }

  /** All bridges that may have jobs of this caller. */
  #shards(): BridgeAddress[] {
    const { region, shards } = this.#options;
    const regions = region === undefined ? [undefined] : [undefined, region];
    return regions.flatMap((one) =>
      Array.from({ length: shards }, (_, shard) => this.#addressOf(one, shard)),
    );
  }

  #addressOf(region: Region | undefined, shard: number): BridgeAddress {
    const locationHint = region ?? this.#options.locationHint;
    return { name: `bridge-${region ?? GLOBAL}-${shard}`, ...(locationHint && { locationHint }) };
  }

  #call<T>(
    method: string,
    key: string,
    waitMs: number,
    ask: (bridge: BridgeStub, carrier: Carrier) => Promise<Reply<T>>,
  ): Promise<T> {
    return this.#callAt(this.#bridgeOf(key), method, waitMs, ask);
  }

  #callAt<T>(
    { name, ...placement }: BridgeAddress,
    method: string,
    waitMs: number,
    ask: (bridge: BridgeStub, carrier: Carrier) => Promise<Reply<T>>,
  ): Promise<T> {
    return callObject({
      kind: 'bridge',
      method,
      attributes: { [ATTR.bridgeName]: name },
      limitMs: this.#options.brokerTimeoutMs + MARGIN_MS + waitMs,
      ask: (carrier) => ask(this.#namespace.getByName(name, placement), carrier),
      unavailable,
    });
  }
}
