import { DurableObject } from 'cloudflare:workers';
import { context } from '@opentelemetry/api';
import { ThroughlineError } from '../../shared/errors.ts';
import type { Job } from '../../shared/job.ts';
import type { OperationAnnouncement } from '../../shared/operation.ts';
import { type Carrier, extract, fromRecord } from '../../shared/propagation/index.ts';
import { SERVICE } from '../../shared/semantics.ts';
import { type Env, edgeConfig } from '../config.ts';
import { createLogger, type Logger } from '../log.ts';
import { activeProcessor } from '../telemetry/runtime.ts';
import { withService } from '../telemetry/service.ts';
import { BrokerConnection } from './broker-connection.ts';
import type { BrokerSession } from './broker-session.ts';
import { cancel } from './cancel.ts';
import {
  type BridgeStatus,
  type CancelCommand,
  type Cancellation,
  type ReadCommand,
  type Reply,
  refusal,
  type SubmitCommand,
} from './commands.ts';
import { readJob } from './job-reader.ts';
import { OperationDirectory } from './operation-directory.ts';
import { submit } from './submit.ts';

const STATUS_PING_MS = 2_000;

/**
 * The Durable Object that owns a NATS connection. In workerd a socket belongs to the request that opened it; a
 * Durable Object is one long context that many requests may share.
 */
export class Bridge extends DurableObject<Env> {
  readonly #name: string;
  readonly #log: Logger;
  readonly #connection: BrokerConnection;
  readonly #directories = new WeakMap<BrokerSession, OperationDirectory>();

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const config = edgeConfig(env);
    this.#name = state.id.name ?? state.id.toString();
    this.#log = createLogger(config.LOG_LEVEL);
    this.#connection = new BrokerConnection(config, this.#name, this.#log);
  }

  /** Publishes a job, see {@link submit}. */
  submit(command: SubmitCommand): Promise<Reply<Job>> {
    const parts = {
      name: this.#name,
      connection: this.#connection,
      log: this.#log,
      directory: (session: BrokerSession) => this.#directory(session),
    };
    return this.#reply(command.carrier, () => submit(parts, command));
  }

  /** A job as it stands, or undefined, see {@link readJob}. */
  read(command: ReadCommand): Promise<Reply<Job | undefined>> {
    return this.#reply(command.carrier, () =>
      this.#connection.use((session) => readJob(session, command.tenant, command.jobId)),
    );
  }

  /** Ends a job before its time, see {@link cancel}. */
  cancel(command: CancelCommand): Promise<Reply<Cancellation | undefined>> {
    const parts = { name: this.#name, connection: this.#connection, log: this.#log };
    return this.#reply(command.carrier, () => cancel(parts, command));
  }

  /** What workers have announced. */
  operations(carrier: Carrier): Promise<Reply<OperationAnnouncement[]>> {
    return this.#reply(carrier, () => this.#connection.use((session) => this.#directory(session).list()));
  }

  /** Whether NATS answers, and how fast. */
  status(carrier: Carrier): Promise<Reply<BridgeStatus>> {
    return this.#reply(carrier, async () => {
      const roundTripMs = await this.#connection.use((session) => session.ping(STATUS_PING_MS));
      const { state, opened } = this.#connection;
      return { bridge: this.#name, state, connections: opened, roundTripMs };
    });
  }

  #directory(session: BrokerSession): OperationDirectory {
    const known = this.#directories.get(session);
    if (known !== undefined) return known;
    const directory = new OperationDirectory(session, this.#log);
    this.#directories.set(session, directory);
    return directory;
  }

  /** Runs `work` in the caller's trace as the bridge, and makes a reply of whatever comes out. */
  async #reply<T>(carrier: Carrier, work: () => Promise<T>): Promise<Reply<T>> {
    const caller = extract(fromRecord(carrier), context.active()).context;
    try {
      return await context.with(withService(caller, SERVICE.bridge), async () => {
        try {
          return { ok: true, value: await work() } as const;
        } catch (thrown) {
          return this.#refuse(thrown);
        }
      });
    } finally {
      const flushed = activeProcessor()?.forceFlush();
      if (flushed !== undefined) this.ctx.waitUntil(flushed);
    }
  }

  #refuse(thrown: unknown): ReturnType<typeof refusal> {
    const error = ThroughlineError.from(thrown);
    if (error.code === 'internal') {
      this.#log.error('the bridge failed', { reason: String(error.cause) });
    } else {
      this.#log.warn('job refused', { code: error.code, reason: error.message });
    }
    return refusal(error);
  }
}
