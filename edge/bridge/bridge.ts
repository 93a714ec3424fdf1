import { DurableObject } from 'cloudflare:workers';
import { context } from '@opentelemetry/api';
import type { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../../shared/dead-letter.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { JobHistory } from '../../shared/event-record.ts';
import type { BridgeStatus } from '../../shared/health.ts';
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
  type CancelCommand,
  type Cancellation,
  type ReadCommand,
  type Reply,
  refusal,
  type Submission,
  type SubmitCommand,
  type WatchCommand,
} from './commands.ts';
import type {
  DeadLetterCommand,
  DeadLettersCommand,
  RedriveManyCommand,
  Redriven,
} from './dead-letter-commands.ts';
import { deadLetterDetailOf, lastDeadLetter, listDeadLetters } from './dead-letters.ts';
import { eventStream } from './event-stream.ts';
import { readJobHistory, readJobWithAttempts } from './job-history.ts';
import { JobWatches } from './job-watches.ts';
import { OperationDirectory } from './operation-directory.ts';
import { redrive } from './redrive.ts';
import { redriveMany } from './redrive-many.ts';
import { type BridgeParts, submit } from './submit.ts';

const STATUS_PING_MS = 2_000;

/**
 * The Durable Object that owns a NATS connection. In workerd a socket belongs to the request that opened it; a
 * Durable Object is one long context that many requests may share.
 */
export class Bridge extends DurableObject<Env> {
  readonly #name: string;
  readonly #log: Logger;
  readonly #connection: BrokerConnection;
  readonly #watches: JobWatches;
  readonly #heartbeatMs: number;
  readonly #directories = new WeakMap<BrokerSession, OperationDirectory>();

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const config = edgeConfig(env);
    this.#name = state.id.name ?? state.id.toString();
    this.#log = createLogger(config.LOG_LEVEL);
    this.#connection = new BrokerConnection(config, this.#name, this.#log);
    this.#watches = new JobWatches(this.#connection, this.#log);
    this.#heartbeatMs = config.SSE_HEARTBEAT_MS;
  }

  /** Publishes a job, see {@link submit}. */
  submit(command: SubmitCommand): Promise<Reply<Submission>> {
    return this.#reply(command.carrier, () => submit(this.#parts(), command));
  }

  /** Publishes many jobs at once; what happens to one says nothing of the others. */
  submitBatch(commands: readonly SubmitCommand[], carrier: Carrier): Promise<Reply<Reply<Submission>[]>> {
    return this.#reply(carrier, () =>
      Promise.all(
        commands.map((command) =>
          submit(this.#parts(), command).then(
            (value) => ({ ok: true, value }) as const,
            (thrown: unknown) => this.#refuse(thrown),
          ),
        ),
      ),
    );
  }

  #parts(): BridgeParts {
    return {
      name: this.#name,
      connection: this.#connection,
      log: this.#log,
      directory: (session: BrokerSession) => this.#directory(session),
    };
  }

  /** A job as it stands, or undefined, with its attempts, see {@link readJobWithAttempts}. */
  read(command: ReadCommand): Promise<Reply<Job | undefined>> {
    return this.#reply(command.carrier, () =>
      this.#connection.use((session) => readJobWithAttempts(session, command.tenant, command.jobId)),
    );
  }

  /** A page of dead letters, see {@link listDeadLetters}. */
  deadLetters(command: DeadLettersCommand): Promise<Reply<DeadLetterPage>> {
    return this.#reply(command.carrier, () =>
      this.#connection.use((session) => listDeadLetters(session, command)),
    );
  }

  /** One dead letter with its payload, or undefined. */
  deadLetter(command: DeadLetterCommand): Promise<Reply<DeadLetterDetail | undefined>> {
    return this.#reply(command.carrier, () =>
      this.#connection.use(async (session) => {
        const letter = await lastDeadLetter(session, command.tenant, command.jobId);
        return letter && deadLetterDetailOf(letter);
      }),
    );
  }

  /** Sends a dead letter round again, see {@link redrive}. */
  redrive({ tenant, jobId, carrier }: DeadLetterCommand): Promise<Reply<Redriven>> {
    const parts = { name: this.#name, log: this.#log };
    return this.#reply(carrier, () =>
      this.#connection.use((session) => redrive(parts, session, tenant, jobId)),
    );
  }

  /** Sends many round again, see {@link redriveMany}. */
  redriveMany(command: RedriveManyCommand): Promise<Reply<RedriveReport>> {
    const parts = { name: this.#name, log: this.#log };
    return this.#reply(command.carrier, () =>
      this.#connection.use((session) => redriveMany(parts, session, command)),
    );
  }

  /** What is recorded of a job, see {@link readJobHistory}. */
  history(command: WatchCommand): Promise<Reply<JobHistory>> {
    return this.#reply(command.carrier, () =>
      this.#connection.use((session) => readJobHistory(session, command)),
    );
  }

  /** A job's events as they come, see {@link eventStream}; null when it has ended and there is nothing left to say. */
  watch(command: WatchCommand): Promise<Reply<ReadableStream<Uint8Array> | null>> {
    return this.#reply(command.carrier, async () => {
      const lease = await this.#watches.join(command);
      const { ended } = await lease.watch.read(command.after).catch(() => ({ ended: false }));
      if (!ended) return eventStream(lease, command.after, this.#heartbeatMs);
      lease.release();
      return null;
    });
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
      const watchedJobs = this.#watches.size;
      return { bridge: this.#name, state, connections: opened, roundTripMs, watchedJobs };
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
