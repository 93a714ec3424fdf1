import { DurableObject } from 'cloudflare:workers';
import { context, trace } from '@opentelemetry/api';
import type { Schedule, SchedulePage } from '../../shared/api/answers/schedule.ts';
import { errorFrom, loggedReason } from '../../shared/error-table.ts';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { type Carrier, startTrace } from '../../shared/propagation/index.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import { quotasOf } from '../access/quotas.ts';
import { BridgeClient } from '../calls/bridge-client.ts';
import type { SubmitResult, TenantCommand } from '../calls/commands.ts';
import { writeNameCursor } from '../calls/cursors.ts';
import type { SchedulesApi } from '../calls/objects.ts';
import { type Reply, refusal } from '../calls/reply.ts';
import type {
  ListSchedulesCommand,
  PauseScheduleCommand,
  PutSchedule,
  PutScheduleCommand,
  ScheduleCommand,
  TriggerScheduleCommand,
} from '../calls/schedule-commands.ts';
import { type EdgeConfig, type Env, edgeConfig } from '../config.ts';
import { carriedContext } from '../telemetry/carried-context.ts';
import { createLogger, type Logger, logFailure } from '../telemetry/log.ts';
import { plainSpanContext } from '../telemetry/root-span.ts';
import { flushSpans, startTelemetry } from '../telemetry/runtime.ts';
import { withService } from '../telemetry/service.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { RunMaker, timingOf } from './run-maker.ts';
import { NOTHING_PENDING, type ScheduleRow, termsIn } from './schedule-row.ts';
import { ScheduleTable } from './schedule-table.ts';
import { scheduleSummary, shownSchedule } from './shown-schedule.ts';
import { nextRun } from './timing.ts';

/** How many schedules make runs side by side. */
const SIDE_BY_SIDE = 16;
/** How long one alarm makes runs. If more are due after that, the next alarm rings at once. */
const ALARM_MS = 10_000;
const AFTER_FAILURE_MS = 30_000;
/** As for the quotas of jobs. */
const QUOTA_RETRY_SECONDS = 5;

/**
 * The Durable Object that keeps the schedules of one tenant and submits the jobs of their runs. What each call does is said
 * in {@link SchedulesApi}. It has the name of the tenant.
 */
export class Schedules extends DurableObject<Env> implements SchedulesApi {
  readonly #config: EdgeConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #table: ScheduleTable;
  readonly #maker: RunMaker;

  constructor(state: DurableObjectState, env: Env, clock: Clock = SYSTEM_CLOCK) {
    super(state, env);
    this.#config = edgeConfig(env);
    this.#clock = clock;
    this.#log = createLogger(this.#config.LOG_LEVEL);
    startTelemetry(this.#config, this.#log);
    this.#table = new ScheduleTable(state.storage.sql);
    const { BRIDGE_SHARDS: shards, BROKER_TIMEOUT_MS: brokerTimeoutMs, BRIDGE_LOCATION_HINT } = this.#config;
    const bridge = new BridgeClient(env.BRIDGE, {
      shards,
      brokerTimeoutMs,
      onFailure: (error) => logFailure(this.#log, error),
      locationHint: BRIDGE_LOCATION_HINT,
      // The jobs of runs have no region: the same id must always lead to the same bridge.
      byRegion: false,
      region: undefined,
    });
    const [table, log] = [this.#table, this.#log];
    this.#maker = new RunMaker({ bridge, table, clock, log });
    // The platform may lose an alarm.
    void state.blockConcurrencyWhile(() => this.#arm());
  }

  put(command: PutScheduleCommand): Promise<Reply<PutSchedule>> {
    return this.#reply(command.carrier, async () => {
      const existing = this.#table.read(command.name);
      const wasPaused = existing?.paused === 1;
      const paused = command.paused ?? wasPaused;
      if (existing === undefined) this.#checkRoom(command);
      if (existing?.digest !== command.digest || wasPaused !== paused) {
        const row = rowOf(command, existing, this.#clock.now());
        // A paused schedule needs its times only later. But they are checked now, so that it can be resumed.
        timingOf(row);
        await this.#start(row, paused);
      }
      return { schedule: this.#shown(command.name), created: existing === undefined };
    });
  }

  read({ name, carrier }: ScheduleCommand): Promise<Reply<Schedule | undefined>> {
    return this.#reply(carrier, async () => this.#find(name));
  }

  list({ after = '', limit, carrier }: ListSchedulesCommand): Promise<Reply<SchedulePage>> {
    return this.#reply(carrier, async () => {
      const rows = this.#table.page(after, limit + 1);
      const last = rows.length > limit ? rows[limit - 1] : undefined;
      const schedules = rows.slice(0, limit).map(scheduleSummary);
      return { schedules, ...(last === undefined ? {} : { cursor: writeNameCursor(last.name) }) };
    });
  }

  count({ carrier }: TenantCommand): Promise<Reply<number>> {
    return this.#reply(carrier, async () => this.#table.count());
  }

  remove({ name, carrier }: ScheduleCommand): Promise<Reply<boolean>> {
    return this.#reply(carrier, async () => {
      const isRemoved = this.#table.remove(name);
      await this.#arm();
      return isRemoved;
    });
  }

  pause({ name, paused, carrier }: PauseScheduleCommand): Promise<Reply<Schedule | undefined>> {
    return this.#reply(carrier, async () => {
      const row = this.#table.read(name);
      if (row === undefined) return undefined;
      if ((row.paused === 1) !== paused) await this.#start(row, paused);
      return this.#shown(name);
    });
  }

  trigger({ name, carrier, ...trigger }: TriggerScheduleCommand): Promise<Reply<SubmitResult | undefined>> {
    return this.#reply(carrier, () => this.#maker.trigger(name, trigger));
  }

  /** Makes the runs that are due, and sets the next alarm. The next alarm is set after an error too. */
  override async alarm(): Promise<void> {
    let failedUntil = 0;
    // An alarm has no span: each run starts a trace of its own.
    const own = withService(startTrace(), SERVICE.schedules);
    try {
      await context.with(own, () => this.#makeDue());
    } catch (thrown) {
      this.#log.error('runs of schedules could not be made', { reason: describeThrown(thrown) }, own);
      failedUntil = this.#clock.now() + AFTER_FAILURE_MS;
    } finally {
      await this.#arm(failedUntil);
      flushSpans(this.ctx);
    }
  }

  async #makeDue(): Promise<void> {
    const until = Date.now() + ALARM_MS;
    while (Date.now() < until) {
      const names = this.#table.due(this.#clock.now(), SIDE_BY_SIDE);
      if (names.length === 0) return;
      await Promise.all(names.map((name) => this.#maker.makeDue(name)));
    }
  }

  /** Writes a new version of a schedule. Its runs are those after now. */
  async #start(row: ScheduleRow, paused: boolean): Promise<void> {
    const now = this.#clock.now();
    const wakeAt = paused ? undefined : nextRun(timingOf(row), now);
    this.#table.put({
      ...row,
      ...NOTHING_PENDING,
      version: crypto.randomUUID(),
      updated_at: now,
      decided_at: now,
      paused: paused ? 1 : 0,
      wake_at: wakeAt ?? null,
    });
    await this.#arm();
  }

  /** @throws ThroughlineError `quota-exceeded` */
  #checkRoom({ tenant, quotas }: PutScheduleCommand): void {
    const { schedules: limit } = quotasOf(this.#config, tenant, quotas);
    if (this.#table.count() < limit) return;
    const message = `the quota schedules is used up: a tenant may have ${limit} schedules; delete one first`;
    throw new ThroughlineError('quota-exceeded', message, {
      quota: { name: 'schedules', limit },
      retryAfterSeconds: QUOTA_RETRY_SECONDS,
    });
  }

  #find(name: string): Schedule | undefined {
    const row = this.#table.read(name);
    return row && shownSchedule(row, this.#table.lastRuns(name), this.#clock.now());
  }

  #shown(name: string): Schedule {
    const schedule = this.#find(name);
    if (schedule === undefined) throw new ThroughlineError('internal', 'a schedule has vanished');
    return schedule;
  }

  /** Sets the alarm for the next schedule that has something to do, but not before `earliest` (epoch milliseconds). */
  async #arm(earliest = 0): Promise<void> {
    const next = this.#table.nextWake();
    if (next === undefined) return await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.setAlarm(this.#clock.alarmAt(Math.max(next, earliest)));
  }

  /** Runs `work` in the caller's trace, and turns its value or its error into a reply. */
  async #reply<T>(carrier: Carrier, work: () => Promise<T>): Promise<Reply<T>> {
    const own = withService(carriedContext(carrier), SERVICE.schedules);
    try {
      return { ok: true, value: await context.with(own, work) };
    } catch (thrown) {
      const error = errorFrom(thrown);
      if (error.code === 'internal')
        this.#log.error('the schedules failed', { reason: loggedReason(error) }, own);
      return refusal(error);
    } finally {
      flushSpans(this.ctx);
    }
  }
}

/** The row of a schedule that a PUT makes or changes, before it is started. */
function rowOf(
  { tenant, name, request, spec, digest, inputCheck }: PutScheduleCommand,
  existing: ScheduleRow | undefined,
  now: number,
): ScheduleRow {
  const maker = plainSpanContext(trace.getSpanContext(context.active()));
  return {
    tenant,
    name,
    digest,
    version: '',
    created_at: existing?.created_at ?? now,
    updated_at: now,
    request: JSON.stringify(request),
    spec: JSON.stringify(spec),
    paused: 0,
    terms: JSON.stringify(termsIn(request)),
    maker: maker === undefined ? '' : JSON.stringify(maker),
    ...NOTHING_PENDING,
    decided_at: now,
    wake_at: null,
    last_job: existing?.last_job ?? '',
    input_check: inputCheck === undefined ? '' : JSON.stringify(inputCheck),
  };
}
