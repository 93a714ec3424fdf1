import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../../shared/dead-letter.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { JobHistory } from '../../shared/event-record.ts';
import type { BridgeStatus } from '../../shared/health.ts';
import type { Job } from '../../shared/job.ts';
import type { OperationAnnouncement } from '../../shared/operation.ts';
import { type Carrier, inject } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/semantics.ts';
import type { Bridge } from './bridge.ts';
import { unavailable } from './broker-error.ts';
import {
  type CancelCommand,
  type Cancellation,
  type Reply,
  type Submission,
  type SubmitCommand,
  unwrapReply,
} from './commands.ts';
import {
  type DeadLettersCommand,
  LIST_BUDGET_MS,
  REDRIVE_BUDGET_MS,
  REDRIVE_MANY_BUDGET_MS,
  type RedriveManyCommand,
  type Redriven,
} from './dead-letter-commands.ts';

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
  readonly #tracer = trace.getTracer('throughline-edge');

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
    const name = `bridge-${REGION}-${shardOf(key, this.#options.shards)}`;
    const attributes = { 'rpc.system': 'cloudflare', 'rpc.method': method, [ATTR.bridgeName]: name };
    return this.#tracer.startActiveSpan(
      `bridge ${method}`,
      { kind: SpanKind.CLIENT, attributes },
      async (span) => {
        try {
          const bridge = this.#namespace.getByName(name);
          const reply = ask(bridge, inject(context.active())).catch(bridgeFailure);
          return unwrapReply(
            await withDeadline(reply, this.#limitMs(waitMs), () => unavailable('the bridge is busy')),
          );
        } catch (thrown) {
          const error = ThroughlineError.from(thrown);
          span.setAttribute(ATTR.errorType, error.code);
          if (error.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
          throw error;
        } finally {
          span.end();
        }
      },
    );
  }

  #limitMs(waitMs: number): number {
    return this.#options.brokerTimeoutMs + MARGIN_MS + waitMs;
  }
}

/** What the platform throws for the object as a whole (moved, overloaded, reset); the object's own errors are replies. */
function bridgeFailure(thrown: unknown): never {
  throw unavailable('the bridge was restarted', thrown);
}

/** FNV-1a over the key, so that a job always meets the same shard. */
function shardOf(key: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shards;
}
