import { DurableObject } from 'cloudflare:workers';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { JobPage } from '../../shared/api/answers/job-list.ts';
import type { Usage } from '../../shared/api/usage.ts';
import { errorFrom, loggedReason } from '../../shared/error-table.ts';
import { describeThrown } from '../../shared/errors.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import {
  CATCH_UP_MS,
  type ListCommand,
  type StartTimeCommand,
  shardNumber,
  type TenantJob,
  type TenantUsage,
} from '../calls/index-commands.ts';
import type { JobIndexApi } from '../calls/objects.ts';
import { type Reply, refusal } from '../calls/reply.ts';
import { type EdgeConfig, type Env, edgeConfig } from '../config.ts';
import { BrokerConnection } from '../nats/broker-connection.ts';
import { carriedContext } from '../telemetry/carried-context.ts';
import { createLogger, type Logger } from '../telemetry/log.ts';
import { startTelemetry } from '../telemetry/runtime.ts';
import { withService } from '../telemetry/service.ts';
import { EventFollower } from './event-follower.ts';
import { acceptedEntry, dayOf } from './index-entry.ts';
import { JobTable } from './job-table.ts';
import { PageTurns } from './page-turns.ts';
import { StartTimes } from './start-times.ts';

/** How long one alarm reads new events, and how many jobs it checks for expiry. */
const ALARM_CATCH_UP_MS = 25_000;
const SWEPT_JOBS = 10_000;
/** The key in the storage for the day on which all jobs were last checked for expiry. */
const SWEPT_ON = 'swept-on';
/**
 * Milliseconds to the next alarm: `more` when work is left, `busy` while jobs run, `quiet` when nothing happens,
 * `failed` after a failure.
 */
const ALARM = { more: 1_000, busy: 10_000, quiet: 300_000, failed: 30_000 } as const;
/**
 * After this time without requests and new events, the connection to NATS is closed, and the Durable Object may sleep.
 */
const IDLE_MS = 60_000;
/** While jobs are accepted, new events are read this often, so that bridges know which jobs have ended. */
const FRESH_MS = 500;

/**
 * The Durable Object that lists the jobs of its tenants in the order in which the jobs were accepted. A bridge adds
 * each job that it accepts. All later changes come from the jobs' events.
 */
export class JobIndex extends DurableObject<Env> implements JobIndexApi {
  readonly #config: EdgeConfig;
  readonly #log: Logger;
  readonly #connection: BrokerConnection;
  readonly #table: JobTable;
  readonly #startTimes: StartTimes;
  readonly #follower: EventFollower;
  readonly #pages = new PageTurns<ReturnType<JobTable['page']>>();
  /** Whether no request reaches this index any more, because the number of indexes was reduced. */
  readonly #isRetired: boolean;
  #alarmAt = 0;
  #askedAt = 0;
  #freshAt = 0;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#config = edgeConfig(env);
    this.#log = createLogger(this.#config.LOG_LEVEL);
    startTelemetry(this.#config, this.#log);
    this.#table = new JobTable(state.storage);
    this.#startTimes = new StartTimes(state.storage.sql);
    const name = this.#table.owner(state.id.name);
    this.#connection = new BrokerConnection(this.#config, name, this.#log, SERVICE.index);
    const shards = this.#config.INDEX_SHARDS;
    this.#isRetired = shardNumber(name) >= shards;
    this.#follower = new EventFollower({
      connection: this.#connection,
      table: this.#table,
      log: this.#log,
      name,
      shards,
    });
  }

  /** Adds jobs that a bridge has accepted. The usage that it returns may be a moment old. */
  async addAccepted(jobs: readonly TenantJob[]): Promise<TenantUsage[]> {
    this.#table.accept(jobs.map(acceptedEntry));
    await this.#wakeWithin(ALARM.busy);
    // The bridge does not wait for this. It asks for the usage again where it matters.
    void this.#alone(() => this.#freshen());
    const tenants = new Set(jobs.map(({ tenant }) => tenant));
    return [...tenants].map((tenant) => ({ tenant, usage: this.#table.usage(tenant) }));
  }

  /** Takes unfinished jobs out of the list. */
  async forget(tenant: string, ids: readonly string[]): Promise<void> {
    this.#table.forget(tenant, ids);
  }

  /** Returns what the jobs of a tenant take. */
  async usage(tenant: string): Promise<Usage> {
    await this.#alone(() => this.#follower.catchUp(CATCH_UP_MS));
    return this.#table.usage(tenant);
  }

  /** Gives a job its start time. */
  async startTime({ key, ...limit }: StartTimeCommand): Promise<number | undefined> {
    return this.#startTimes.next(key, limit, Date.now());
  }

  /** Runs work that belongs to no request. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return context.with(withService(ROOT_CONTEXT, SERVICE.index), work);
  }

  /** Reads new events, unless they were read a moment ago. */
  async #freshen(): Promise<void> {
    if (Date.now() - this.#freshAt < FRESH_MS) return;
    this.#freshAt = Date.now();
    await this.#follower.catchUp(CATCH_UP_MS);
  }

  /** Returns a page of a tenant's jobs, with the events that could be read in time. */
  list(command: ListCommand): Promise<Reply<JobPage>> {
    return context.with(withService(carriedContext(command.carrier), SERVICE.index), async () => {
      try {
        return { ok: true, value: await this.#list(command) } as const;
      } catch (thrown) {
        const error = errorFrom(thrown);
        this.#log.error('the index failed', { reason: loggedReason(error) });
        return refusal(error);
      }
    });
  }

  async #list({ carrier: _, ...query }: ListCommand): Promise<JobPage> {
    this.#askedAt = Date.now();
    await this.#wakeWithin(ALARM.busy);
    const complete = await this.#follower.catchUp(CATCH_UP_MS);
    const { tenant } = query;
    const { rowsRead, ...page } = await this.#pages.read(tenant, JSON.stringify(query), () =>
      this.#table.page(query),
    );
    this.#log.debug('jobs listed', {
      tenant,
      jobs: page.jobs.length,
      rows_read: rowsRead,
      complete,
    });
    return { ...page, complete };
  }

  /** Reads new events, deletes old jobs, and sets the next alarm. The next alarm is set after an error too. */
  override alarm(): Promise<void> {
    return this.#alone(async () => {
      let inMs: number | undefined = ALARM.failed;
      try {
        inMs = this.#isRetired ? this.#clear() : await this.#maintain();
      } catch (thrown) {
        this.#log.error('the index could not be updated', { reason: describeThrown(thrown) });
      } finally {
        if (inMs !== undefined) await this.#wakeIn(inMs);
      }
    });
  }

  /** Does the work of one alarm. @returns milliseconds until the next alarm */
  async #maintain(): Promise<number> {
    const before = this.#table.place.sequence;
    const complete = await this.#follower.catchUp(ALARM_CATCH_UP_MS);
    const hasNewEvents = this.#table.place.sequence !== before;
    this.#table.flush();
    if (this.#sweep()) return ALARM.more;
    if (!complete) return hasNewEvents ? ALARM.more : ALARM.failed;
    if (hasNewEvents || Date.now() - this.#askedAt < IDLE_MS) return ALARM.busy;
    this.#connection.release();
    return ALARM.quiet;
  }

  /** Deletes jobs that have expired. Jobs expire by days, so each is checked once a day. @returns whether more jobs are left to check */
  #sweep(): boolean {
    const { kv } = this.ctx.storage;
    const now = Date.now();
    if (kv.get(SWEPT_ON) === dayOf(now)) return false;
    const hasMore = this.#table.deleteExpired(SWEPT_JOBS, now);
    if (!hasMore) kv.put(SWEPT_ON, dayOf(now));
    return hasMore;
  }

  #clear(): number | undefined {
    return this.#table.deleteExpired(SWEPT_JOBS, Number.MAX_SAFE_INTEGER) ? ALARM.more : undefined;
  }

  async #wakeWithin(ms: number): Promise<void> {
    if (this.#alarmAt > Date.now() && this.#alarmAt <= Date.now() + ms) return;
    await this.#wakeIn(ms);
  }

  async #wakeIn(ms: number): Promise<void> {
    this.#alarmAt = Date.now() + ms;
    await this.ctx.storage.setAlarm(this.#alarmAt);
  }
}
