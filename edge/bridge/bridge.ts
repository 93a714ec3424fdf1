import { DurableObject } from 'cloudflare:workers';
import { context } from '@opentelemetry/api';
import type {
  DeadLetterDetail,
  DeadLetterPage,
  RedriveReport,
} from '../../shared/api/answers/dead-letter.ts';
import type { BridgeStatus } from '../../shared/api/answers/health.ts';
import type { JobHistory } from '../../shared/api/answers/job-history.ts';
import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';
import type { OutboxItem } from '../../shared/api/answers/outbox.ts';
import { errorFrom, loggedReason, statusOf } from '../../shared/error-table.ts';
import { type ThroughlineError, unavailable } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import { type Carrier, extract, fromRecord } from '../../shared/propagation/index.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import { firstBridge } from '../calls/bridge-addresses.ts';
import type {
  Accepted,
  BridgeShare,
  CancelCommand,
  Cancellation,
  CancelManyCommand,
  CancelOutcome,
  EarlierSubmitCommand,
  HistoryCommand,
  JobCommand,
  OutboxCommand,
  RejectedCommand,
  SubmitAnswer,
  SubmitCommand,
  TrialAnswer,
  TrialCommand,
  WatchCommand,
} from '../calls/commands.ts';
import type {
  DeadLettersCommand,
  RedriveCommand,
  RedriveManyCommand,
  Redriven,
} from '../calls/dead-letter-commands.ts';
import type { BridgeApi } from '../calls/objects.ts';
import { eventScope, sealEvent, sealEvents } from '../calls/place-seal.ts';
import { type Reply, refusal } from '../calls/reply.ts';
import { type Env, edgeConfig } from '../config.ts';
import { deadLetterDetailOf, lastDeadLetter, listDeadLetters } from '../jobs/dead-letters.ts';
import { readJobHistory, readJobWithAttempts } from '../jobs/history/job-history.ts';
import { redriveJob } from '../jobs/redrive.ts';
import { redriveMany } from '../jobs/redrive-many.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { RequestBroker } from '../nats/request-broker.ts';
import { pendingJob, readPendingJob, readRejectedJob } from '../outbox/pending-job.ts';
import { countContext } from '../telemetry/measure/request-metrics.ts';
import { flushSpans } from '../telemetry/runtime.ts';
import { withService } from '../telemetry/service.ts';
import { eventStream } from '../watch/event-stream.ts';
import { type BridgeParts, createParts } from './bridge-parts.ts';
import { cancelJob, cancelJobs } from './cancel-job.ts';
import { shortAnswer } from './short-answer.ts';
import { hasNoJobs, waitingJobs } from './store/store-room.ts';
import { submit, tryOut } from './submit.ts';
import { fullestUse, usageOf } from './tenant-usage.ts';

const STATUS_PING_MS = 2_000;

/**
 * The Durable Object that owns a connection to NATS. In workerd a socket belongs to the request that opened it; a
 * Durable Object is one long-lived context that many requests share. What each call does is said in {@link BridgeApi}.
 */
export class Bridge extends DurableObject<Env> implements BridgeApi {
  readonly #parts: BridgeParts;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const { BRIDGE_SHARDS } = edgeConfig(env);
    this.#parts = createParts(state, env, () => this.#askKeysSince(env, BRIDGE_SHARDS));
    // The platform has no other hook for the start of an object.
    void state.blockConcurrencyWhile(() => this.#parts.scheduler.start());
  }

  /** The alarm of the outbox. */
  override alarm(): Promise<void> {
    return this.#parts.scheduler.alarm();
  }

  submitJob(command: SubmitCommand): Promise<Reply<SubmitAnswer | Accepted>> {
    const work = async () => shortAnswer(command, await submit(this.#parts, command));
    return this.#reply(command.carrier, () => this.#wait(command, work));
  }

  submitJobs(commands: readonly SubmitCommand[], carrier: Carrier): Promise<Reply<Reply<SubmitAnswer>[]>> {
    const batch = {};
    return this.#reply(carrier, () =>
      Promise.all(commands.map((command) => this.#replyOf(() => submit(this.#parts, command, batch)))),
    );
  }

  submit(command: EarlierSubmitCommand): Promise<Reply<SubmitAnswer | Accepted>> {
    return this.submitJob(withInputJson(command));
  }

  submitBatch(
    commands: readonly EarlierSubmitCommand[],
    carrier: Carrier,
  ): Promise<Reply<Reply<SubmitAnswer>[]>> {
    return this.submitJobs(commands.map(withInputJson), carrier);
  }

  tryOut(command: TrialCommand): Promise<Reply<TrialAnswer>> {
    return this.#reply(command.carrier, () => tryOut(this.#parts, command));
  }

  read(command: JobCommand): Promise<Reply<Job | undefined>> {
    const { tenant, jobId } = command;
    const sinceMs = Date.now();
    return this.#reply(command.carrier, async () => {
      const job =
        this.#endedJob(tenant, jobId) ??
        (await readPendingJob(this.#parts, tenant, jobId)) ??
        (await this.#parts.jobReads.read(tenant, jobId, () => this.#readJob(tenant, jobId))) ??
        readRejectedJob(this.#parts, tenant, jobId);
      return job && (await this.#mark(job, sinceMs));
    });
  }

  /** A job with its attempts that has ended for good. */
  #endedJob(tenant: string, jobId: string): Job | undefined {
    const job = this.#parts.ended.find(tenant, jobId)?.job;
    return job?.attempts === undefined ? undefined : job;
  }

  async #readJob(tenant: string, jobId: string): Promise<Job | undefined> {
    const found = await this.#use((session) => readJobWithAttempts(session, tenant, jobId));
    if (found !== undefined) this.#parts.ended.keep(tenant, found);
    return found?.job;
  }

  history(command: HistoryCommand): Promise<Reply<JobHistory>> {
    const { tenant, jobId, after } = command;
    return this.#reply(command.carrier, async () => {
      const pending = await readPendingJob(this.#parts, tenant, jobId);
      if (pending !== undefined) return { events: [] };
      return await this.#parts.historyReads.read(tenant, `${jobId} ${after}`, () =>
        this.#readHistory(command),
      );
    });
  }

  async #readHistory(command: HistoryCommand): Promise<JobHistory> {
    const { seal } = this.#parts;
    const { events, next } = await this.#use((session) => readJobHistory(session, command)).catch(
      (thrown: unknown): JobHistory => {
        if (readRejectedJob(this.#parts, command.tenant, command.jobId) === undefined) throw thrown;
        return { events: [] };
      },
    );
    return {
      events: await sealEvents(seal, command, events),
      ...(next === undefined ? {} : { next: await seal.seal(eventScope(command), Number(next)) }),
    };
  }

  watch(command: WatchCommand): Promise<Reply<ReadableStream<Uint8Array> | null>> {
    return this.#reply(command.carrier, async () => {
      const lease = await this.#parts.watches.join(command, this.#parts.quotasOf(command).streams);
      const { ended } = await lease.watch.read(command.after).catch(() => ({ ended: false }));
      if (!ended) {
        const { heartbeatMs, seal } = this.#parts;
        return eventStream(lease, command.after, heartbeatMs, {
          event: (event) => sealEvent(seal, command, event),
          place: (sequence) => seal.seal(eventScope(command), sequence),
        });
      }
      lease.release();
      return null;
    });
  }

  cancel(command: CancelCommand): Promise<Reply<Cancellation | undefined>> {
    return this.#reply(command.carrier, () => this.#wait(command, () => cancelJob(this.#parts, command)));
  }

  cancelMany(command: CancelManyCommand): Promise<Reply<CancelOutcome[]>> {
    return this.#reply(command.carrier, () => cancelJobs(this.#parts, command));
  }

  deadLetters(command: DeadLettersCommand): Promise<Reply<DeadLetterPage>> {
    return this.#reply(command.carrier, () => this.#use((session) => listDeadLetters(session, command)));
  }

  deadLetter({ tenant, jobId, carrier }: JobCommand): Promise<Reply<DeadLetterDetail | undefined>> {
    return this.#reply(carrier, async () => {
      const deadLetter = await this.#use((session) => lastDeadLetter(session, tenant, jobId));
      return deadLetter && deadLetterDetailOf(deadLetter);
    });
  }

  redrive(command: RedriveCommand): Promise<Reply<Redriven>> {
    return this.#reply(command.carrier, () =>
      this.#use((session) => redriveJob(this.#parts, session, command)),
    );
  }

  redriveMany(command: RedriveManyCommand): Promise<Reply<RedriveReport>> {
    const sinceMs = Date.now();
    return this.#reply(command.carrier, () =>
      this.#use((session) => redriveMany(this.#parts, session, command, sinceMs)),
    );
  }

  outbox({ tenant, limit, carrier }: OutboxCommand): Promise<Reply<OutboxItem[]>> {
    return this.#reply(carrier, async () => this.#parts.outbox.list(tenant, limit));
  }

  retryRejected({ tenant, id, carrier }: RejectedCommand): Promise<Reply<Job | undefined>> {
    return this.#reply(carrier, async () => {
      const { outbox, scheduler, name } = this.#parts;
      const entry = outbox.rejected.retry(tenant, id);
      if (entry === undefined) return undefined;
      scheduler.added();
      return pendingJob(entry, name);
    });
  }

  removeRejected({ tenant, id, carrier }: RejectedCommand): Promise<Reply<OutboxItem | undefined>> {
    return this.#reply(carrier, async () => {
      const { outbox, scheduler } = this.#parts;
      const item = outbox.rejected.remove(tenant, id);
      if (item !== undefined) scheduler.added();
      return item;
    });
  }

  operations(carrier: Carrier): Promise<Reply<ListedOperation[]>> {
    const { operations, hosts } = this.#parts;
    return this.#reply(carrier, () =>
      this.#use(async (session) => hosts.list(session, await operations.list(session))),
    );
  }

  status(carrier: Carrier): Promise<Reply<BridgeStatus>> {
    return this.#reply(carrier, async () => {
      const { name, connection, outbox, watches, counts, inputChecks } = this.#parts;
      const { roundTripMs, shortcomings, workerHosts, waiting } = await this.#askForStatus();
      return {
        bridge: name,
        state: connection.state,
        connections: connection.opened,
        ...(roundTripMs === undefined ? {} : { roundTripMs }),
        problems: [...(shortcomings?.problems ?? [])],
        warnings: [...(shortcomings?.warnings ?? [])],
        watchedJobs: watches.size,
        ...(workerHosts === undefined ? {} : { workerHosts }),
        unservedJobs: counts.unservedJobs,
        uncheckedInputs: inputChecks.unchecked,
        quotaUse: fullestUse(this.#parts),
        quotaRefusals: { ...counts.refusals },
        ...waiting,
        outbox: outbox.status(Date.now()),
      };
    });
  }

  /** Asks NATS all at once. If it does not answer the ping, the other answers are not waited for. */
  async #askForStatus() {
    const { connection, hosts, share } = this.#parts;
    const broker = await RequestBroker.start(connection);
    const pinging = broker.ask((session) => session.ping(STATUS_PING_MS));
    const asking = Promise.all([
      broker.ask((session) => session.shortcomings()),
      hosts.count(broker),
      broker.ask(waitingJobs),
      broker.ask((session) => share.learn(session)),
    ]);
    asking.catch(() => undefined);
    const roundTripMs = await pinging;
    if (roundTripMs === undefined) return {};
    const [shortcomings, workerHosts, waiting] = await asking;
    return { roundTripMs, shortcomings, workerHosts, waiting };
  }

  keysSince(shards: number): Promise<Reply<number>> {
    return this.#replyOf(() => this.#parts.keys.shardsSince(shards, () => this.#hasNoJobs()));
  }

  /** @throws ThroughlineError `broker-unavailable` at once if NATS is known to be away */
  async #hasNoJobs(): Promise<boolean> {
    const broker = await RequestBroker.start(this.#parts.connection);
    const answer = await broker.ask(hasNoJobs);
    if (answer === undefined) throw unavailable('NATS is away');
    return answer;
  }

  /** Asks the first bridge, which has been there with every number of shards. */
  async #askKeysSince(env: Env, shards: number): Promise<number | undefined> {
    const first = firstBridge();
    const isFirst = this.#parts.name === first.name;
    const reply = await (isFirst ? this : env.BRIDGE.getByName(first.name)).keysSince(shards);
    return reply.ok ? reply.value : undefined;
  }

  tenantUsage(tenant: string): Promise<Reply<BridgeShare>> {
    return this.#replyOf(async () => ({
      ...usageOf(this.#parts, tenant),
      share: this.#parts.share.settings.TENANT_MAX_STORED_BYTES,
    }));
  }

  /** Does the work of a request that may wait for the end of a job. @throws ThroughlineError `too-many-waits` */
  #wait<T>(command: SubmitCommand | CancelCommand, work: () => Promise<T>): Promise<T> {
    const { waits, quotasOf } = this.#parts;
    return waits.during(command, quotasOf(command).waits, work);
  }

  /** @param sinceMs when the request began to wait for NATS, in epoch milliseconds */
  async #mark(job: Job, sinceMs: number): Promise<Job> {
    const { hosts, connection } = this.#parts;
    return await hosts.mark(await RequestBroker.start(connection, sinceMs), job);
  }

  #use<T>(work: (session: BrokerSession) => Promise<T>): Promise<T> {
    return this.#parts.connection.use(work);
  }

  /** Runs `work` in the caller's trace, as the bridge, and turns its value or its error into a reply. */
  async #reply<T>(carrier: Carrier, work: () => Promise<T>): Promise<Reply<T>> {
    const { context: caller, outcome } = extract(fromRecord(carrier), context.active());
    countContext('bridge', outcome);
    try {
      return await context.with(withService(caller, SERVICE.bridge), () => this.#replyOf(work));
    } finally {
      flushSpans(this.ctx);
    }
  }

  async #replyOf<T>(work: () => Promise<T>): Promise<Reply<T>> {
    try {
      return { ok: true, value: await work() };
    } catch (thrown) {
      const error = errorFrom(thrown);
      this.#noteRefusal(error);
      return refusal(error);
    }
  }

  /** Counts and logs an error. The text of a fault in the request is not logged, because it may quote the request. */
  #noteRefusal(error: ThroughlineError): void {
    const {
      log,
      counts: { refusals },
    } = this.#parts;
    const quota = error.quota?.name;
    if (quota !== undefined) refusals[quota] = (refusals[quota] ?? 0) + 1;
    if (error.code === 'internal') {
      log.error('the bridge failed', { reason: loggedReason(error) });
      return;
    }
    const reason = statusOf(error) >= 500 ? { reason: error.message } : {};
    log.warn('request refused', { code: error.code, ...(quota === undefined ? {} : { quota }), ...reason });
  }
}

function withInputJson({ input, ...command }: EarlierSubmitCommand): SubmitCommand {
  return { ...command, inputJson: JSON.stringify(input) ?? 'null' };
}
