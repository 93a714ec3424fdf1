import { DurableObject } from 'cloudflare:workers';
import { context } from '@opentelemetry/api';
import type { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../../shared/api/dead-letter.ts';
import type { BridgeStatus } from '../../shared/api/health.ts';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import type { OutboxItem } from '../../shared/api/outbox.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { JobHistory } from '../../shared/job/event-record.ts';
import type { Job } from '../../shared/job/job.ts';
import { type Carrier, extract, fromRecord } from '../../shared/propagation/index.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import type {
  CancelCommand,
  Cancellation,
  OutboxCommand,
  ReadCommand,
  Submission,
  SubmitCommand,
  WatchCommand,
} from '../calls/commands.ts';
import type {
  DeadLetterCommand,
  DeadLettersCommand,
  RedriveManyCommand,
  Redriven,
} from '../calls/dead-letter-commands.ts';
import { JobIndexClient } from '../calls/job-index-client.ts';
import type { BridgeApi } from '../calls/objects.ts';
import { type Reply, refusal } from '../calls/reply.ts';
import { type Env, edgeConfig } from '../config.ts';
import { deadLetterDetailOf, lastDeadLetter, listDeadLetters } from '../jobs/dead-letters.ts';
import { readJobHistory, readJobWithAttempts } from '../jobs/job-history.ts';
import { redrive } from '../jobs/redrive.ts';
import { redriveMany } from '../jobs/redrive-many.ts';
import { BrokerConnection } from '../nats/broker-connection.ts';
import { BrokerReach } from '../nats/broker-reach.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { OperationDirectory } from '../operations/operation-directory.ts';
import { SavedOperations } from '../operations/saved-operations.ts';
import { Outbox } from '../outbox/outbox.ts';
import { OutboxScheduler } from '../outbox/outbox-scheduler.ts';
import { pendingJob } from '../outbox/pending-job.ts';
import { createLogger } from '../telemetry/log.ts';
import { activeProcessor } from '../telemetry/runtime.ts';
import { withService } from '../telemetry/service.ts';
import { eventStream } from '../watch/event-stream.ts';
import { JobWatches } from '../watch/job-watches.ts';
import { AcceptedFeed } from './accepted-feed.ts';
import type { BridgeParts } from './bridge-parts.ts';
import { cancelPending } from './cancel-pending.ts';
import { readPending } from './read-pending.ts';
import { submit } from './submit.ts';

const STATUS_PING_MS = 2_000;

/**
 * The Durable Object that owns a NATS connection. In workerd a socket belongs to the request that opened it; a
 * Durable Object is one long context that many requests may share.
 */
export class Bridge extends DurableObject<Env> implements BridgeApi {
  readonly #parts: BridgeParts;
  readonly #scheduler: OutboxScheduler;
  readonly #watches: JobWatches;
  readonly #heartbeatMs: number;
  readonly #directories = new WeakMap<BrokerSession, OperationDirectory>();

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const config = edgeConfig(env);
    const name = state.id.name ?? state.id.toString();
    const log = createLogger(config.LOG_LEVEL);
    const outbox = new Outbox(state.storage.sql, {
      maxRows: config.OUTBOX_MAX_ROWS,
      maxBytes: config.OUTBOX_MAX_BYTES,
    });
    const connection = new BrokerConnection(config, name, log, {
      onOpen: () => this.#scheduler.reconnected(),
    });
    const feed = new AcceptedFeed(new JobIndexClient(env.JOB_INDEX, config.INDEX_SHARDS), log);
    const accepted: BridgeParts['accepted'] = (tenant, job) => feed.add(tenant, job);
    const keepUntilSettled = config.OUTBOX_KEEP === 'settled';
    this.#scheduler = new OutboxScheduler({
      ...{ name, connection, outbox, log, keepUntilSettled, accepted, storage: state.storage },
      own: withService(context.active(), SERVICE.bridge),
      waitUntil: (work) => state.waitUntil(work),
      flush: () => this.#flush(),
    });
    this.#parts = {
      ...{ name, connection, outbox, log, keepUntilSettled, accepted, ackMode: config.ACK_MODE },
      savedOperations: new SavedOperations(state.storage.sql),
      directory: (session) => this.#directory(session),
      kept: () => this.#scheduler.added(),
    };
    this.#watches = new JobWatches(connection, log, outbox, config.EVENT_STREAMS_PER_TENANT);
    this.#heartbeatMs = config.SSE_HEARTBEAT_MS;
    void state.blockConcurrencyWhile(() => this.#scheduler.start());
  }

  /** The time of the outbox has come, see {@link OutboxScheduler}. */
  override alarm(): Promise<void> {
    return this.#scheduler.alarm();
  }

  /** Publishes a job, see {@link submit}. */
  submit(command: SubmitCommand): Promise<Reply<Submission>> {
    return this.#reply(command.carrier, () => submit(this.#parts, command));
  }

  /** Publishes many jobs at once; what happens to one says nothing of the others. */
  submitBatch(commands: readonly SubmitCommand[], carrier: Carrier): Promise<Reply<Reply<Submission>[]>> {
    return this.#reply(carrier, () =>
      Promise.all(
        commands.map((command) =>
          submit(this.#parts, command).then(
            (value) => ({ ok: true, value }) as const,
            (thrown: unknown) => this.#refuse(thrown),
          ),
        ),
      ),
    );
  }

  /** A job as it stands, or undefined, with its attempts, see {@link readPending} and {@link readJobWithAttempts}. */
  read(command: ReadCommand): Promise<Reply<Job | undefined>> {
    const { tenant, jobId } = command;
    return this.#reply(
      command.carrier,
      async () =>
        (await readPending(this.#parts, tenant, jobId)) ??
        (await this.#parts.connection.use((session) => readJobWithAttempts(session, tenant, jobId))),
    );
  }

  /** A page of dead letters, see {@link listDeadLetters}. */
  deadLetters(command: DeadLettersCommand): Promise<Reply<DeadLetterPage>> {
    return this.#reply(command.carrier, () =>
      this.#parts.connection.use((session) => listDeadLetters(session, command)),
    );
  }

  /** One dead letter with its payload, or undefined. */
  deadLetter(command: DeadLetterCommand): Promise<Reply<DeadLetterDetail | undefined>> {
    return this.#reply(command.carrier, () =>
      this.#parts.connection.use(async (session) => {
        const letter = await lastDeadLetter(session, command.tenant, command.jobId);
        return letter && deadLetterDetailOf(letter);
      }),
    );
  }

  /** Redrives a dead letter, see {@link redrive}. */
  redrive({ tenant, jobId, carrier }: DeadLetterCommand): Promise<Reply<Redriven>> {
    return this.#reply(carrier, () =>
      this.#parts.connection.use((session) => redrive(this.#parts, session, tenant, jobId)),
    );
  }

  /** Redrives many, see {@link redriveMany}. */
  redriveMany(command: RedriveManyCommand): Promise<Reply<RedriveReport>> {
    return this.#reply(command.carrier, () =>
      this.#parts.connection.use((session) => redriveMany(this.#parts, session, command)),
    );
  }

  /** What is recorded of a job, see {@link readJobHistory}; nothing yet of one that the outbox has. */
  history(command: WatchCommand): Promise<Reply<JobHistory>> {
    return this.#reply(command.carrier, async () => {
      if ((await readPending(this.#parts, command.tenant, command.jobId)) !== undefined)
        return { events: [] };
      return await this.#parts.connection.use((session) => readJobHistory(session, command));
    });
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

  /** Ends a job before its time, see {@link cancelPending} and {@link cancel}. */
  cancel(command: CancelCommand): Promise<Reply<Cancellation | undefined>> {
    return this.#reply(command.carrier, () => cancelPending(this.#parts, command));
  }

  /** A tenant's jobs in the outbox, see {@link Outbox.list}. */
  outbox({ tenant, limit, carrier }: OutboxCommand): Promise<Reply<OutboxItem[]>> {
    return this.#reply(carrier, async () => this.#parts.outbox.list(tenant, limit));
  }

  /** Puts a job that was set aside back into the line. @returns the job, or undefined where there is none */
  retry({ tenant, jobId, carrier }: ReadCommand): Promise<Reply<Job | undefined>> {
    return this.#reply(carrier, async () => {
      if (!this.#parts.outbox.retry(tenant, jobId)) return undefined;
      this.#scheduler.added();
      const entry = this.#parts.outbox.find(tenant, jobId);
      return entry && pendingJob(entry, this.#parts.name);
    });
  }

  /** What workers have announced. */
  operations(carrier: Carrier): Promise<Reply<OperationAnnouncement[]>> {
    return this.#reply(carrier, () =>
      this.#parts.connection.use((session) => this.#directory(session).list()),
    );
  }

  /** Whether NATS answers, and how fast; what the outbox holds. */
  status(carrier: Carrier): Promise<Reply<BridgeStatus>> {
    return this.#reply(carrier, async () => {
      const { name, connection, outbox } = this.#parts;
      const reach = await BrokerReach.of(connection);
      const roundTripMs = await reach.ask((session) => session.ping(STATUS_PING_MS));
      return {
        bridge: name,
        state: connection.state,
        connections: connection.opened,
        ...(roundTripMs === undefined ? {} : { roundTripMs }),
        watchedJobs: this.#watches.size,
        outbox: outbox.status(Date.now()),
      };
    });
  }

  #directory(session: BrokerSession): OperationDirectory {
    const known = this.#directories.get(session);
    if (known !== undefined) return known;
    const { log, savedOperations } = this.#parts;
    const directory = new OperationDirectory(session, log, (all) => savedOperations.save(all));
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
      this.#flush();
    }
  }

  /** Sends the spans that have ended: nobody does in a Durable Object. */
  #flush(): void {
    const flushed = activeProcessor()?.forceFlush();
    if (flushed !== undefined) this.ctx.waitUntil(flushed);
  }

  #refuse(thrown: unknown): ReturnType<typeof refusal> {
    const error = ThroughlineError.from(thrown);
    if (error.code === 'internal') {
      this.#parts.log.error('the bridge failed', { reason: String(error.cause) });
    } else {
      // What is wrong with a request is told to its caller; it may quote what he sent, which is not for a log.
      const reason = error.status >= 500 ? { reason: error.message } : {};
      this.#parts.log.warn('job refused', { code: error.code, ...reason });
    }
    return refusal(error);
  }
}
