import type { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../../shared/dead-letter.ts';
import type { Job } from '../../shared/job.ts';
import type { OperationAnnouncement } from '../../shared/operation.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/semantics.ts';
import { callObject } from '../object-call.ts';
import { shardOf } from '../shard.ts';
import type { Bridge } from './bridge.ts';
import { unavailable } from './broker-error.ts';
import type {
  BridgeStatus,
  CancelCommand,
  Cancellation,
  Reply,
  Submission,
  SubmitCommand,
} from './commands.ts';
import {
  type DeadLettersCommand,
  LIST_BUDGET_MS,
  REDRIVE_BUDGET_MS,
  REDRIVE_MANY_BUDGET_MS,
  type RedriveManyCommand,
  type Redriven,
} from './dead-letter-commands.ts';
import type { JobHistory } from './job-history.ts';

const REGION = 'global';
/** On top of the bridge's own time limits, so that its answer, not ours, is what a caller gets. */
const MARGIN_MS = 1_500;

type BridgeStub = DurableObjectStub<Bridge>;

export interface BridgeClientOptions {
  readonly shards: number;
  readonly brokerTimeoutMs: number;
}

/** The edge's side of the call to a bridge: picks the shard, makes the CLIENT span, bounds the wait. */
export class BridgeClient {
  readonly #namespace: DurableObjectNamespace<Bridge>;
  readonly #options: BridgeClientOptions;

  constructor(namespace: DurableObjectNamespace<Bridge>, options: BridgeClientOptions) {
    this.#namespace = namespace;
    this.#options = options;
  }

  /** Submits a job. @throws ThroughlineError see `submit` */
  submit(command: Omit<SubmitCommand, 'carrier'>): Promise<Submission> {
    return this.#call('submit', command.jobId, command.waitMs, (bridge, carrier) =>
      bridge.submit({ ...command, carrier }),
    );
  }

  /** Submits many jobs in one call: a reply for each, in order. @throws ThroughlineError when the call as a whole fails */
  submitBatch(commands: readonly Omit<SubmitCommand, 'carrier'>[]): Promise<Reply<Submission>[]> {
    return this.#call('submitBatch', commands[0]?.jobId ?? '', 0, (bridge, carrier) =>
      bridge.submitBatch(
        commands.map((command) => ({ ...command, carrier })),
        carrier,
      ),
    );
  }

  /** A job of `tenant`, or undefined. @throws ThroughlineError `broker-unavailable` */
  read(tenant: string, jobId: string): Promise<Job | undefined> {
    return this.#call('read', jobId, 0, (bridge, carrier) => bridge.read({ tenant, jobId, carrier }));
  }

  /** A page of dead letters of a tenant. @throws ThroughlineError `broker-unavailable` */
  deadLetters(command: Omit<DeadLettersCommand, 'carrier'>): Promise<DeadLetterPage> {
    return this.#call('deadLetters', command.tenant, LIST_BUDGET_MS, (bridge, carrier) =>
      bridge.deadLetters({ ...command, carrier }),
    );
  }

  /** A dead letter of `tenant`, or undefined. @throws ThroughlineError `broker-unavailable` */
  deadLetter(tenant: string, jobId: string): Promise<DeadLetterDetail | undefined> {
    return this.#call('deadLetter', jobId, 0, (bridge, carrier) =>
      bridge.deadLetter({ tenant, jobId, carrier }),
    );
  }

  /** Sends a dead letter round again. @throws ThroughlineError see `redrive` */
  redrive(tenant: string, jobId: string): Promise<Redriven> {
    return this.#call('redrive', jobId, REDRIVE_BUDGET_MS, (bridge, carrier) =>
      bridge.redrive({ tenant, jobId, carrier }),
    );
  }

  /** Sends many dead letters round again. @throws ThroughlineError see `redriveMany` */
  redriveMany(command: Omit<RedriveManyCommand, 'carrier'>): Promise<RedriveReport> {
    return this.#call('redriveMany', command.tenant, REDRIVE_MANY_BUDGET_MS, (bridge, carrier) =>
      bridge.redriveMany({ ...command, carrier }),
    );
  }

  /** What is recorded of a job behind `after`. @throws ThroughlineError `job-unknown`, `broker-unavailable` */
  history(tenant: string, jobId: string, after: number): Promise<JobHistory> {
    return this.#call('history', jobId, 0, (bridge, carrier) =>
      bridge.history({ tenant, jobId, after, carrier }),
    );
  }

  /**
   * A job's events behind `after` as `text/event-stream`, or null when there will be none.
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

  /** What workers have announced. @throws ThroughlineError `broker-unavailable` */
  operations(): Promise<OperationAnnouncement[]> {
    return this.#call('operations', '', 0, (bridge, carrier) => bridge.operations(carrier));
  }

  /** Whether NATS answers. @throws ThroughlineError `broker-unavailable` */
  status(): Promise<BridgeStatus> {
    return this.#call('status', '', 0, (bridge, carrier) => bridge.status(carrier));
  }

  #call<T>(
    method: string,
    key: string,
    waitMs: number,
    ask: (bridge: BridgeStub, carrier: Carrier) => Promise<Reply<T>>,
  ): Promise<T> {
    const { shards, brokerTimeoutMs } = this.#options;
    const name = `bridge-${REGION}-${shardOf(key, shards)}`;
    return callObject({
      kind: 'bridge',
      method,
      attributes: { [ATTR.bridgeName]: name },
      limitMs: brokerTimeoutMs + MARGIN_MS + waitMs,
      ask: (carrier) => ask(this.#namespace.getByName(name), carrier),
      unavailable,
    });
  }
}
