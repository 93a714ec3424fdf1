import { backoffCeiling, equalJitter } from '../../shared/backoff.ts';
import { ERRORS, errorFrom } from '../../shared/error-table.ts';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import type { BridgeClient } from '../calls/bridge-client.ts';
import type { InputCheck, SubmitResult } from '../calls/commands.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from './clock.ts';
import { dueRuns } from './due-runs.ts';
import {
  NOTHING_PENDING,
  type Progress,
  type RunRow,
  runRow,
  type ScheduleRow,
  specOfRow,
  termsOf,
} from './schedule-row.ts';
import type { ScheduleTable } from './schedule-table.ts';
import { jobIdOf, logRefusal, type SubmitRunParts, submitRun, type Trigger } from './submit-run.ts';
import { nextRun, parseTiming, type Timing } from './timing.ts';
import { Turns } from './turns.ts';

/** The most runs of a schedule that one turn makes. The next turn follows at once. */
const RUNS_PER_TURN = 20;
const RETRY = { firstMs: 1_000, maxMs: 60_000 } as const;

/** What the making of runs needs. */
export interface RunMakerParts extends Omit<SubmitRunParts, 'keepCheck'> {
  readonly bridge: Pick<BridgeClient, 'submit' | 'read'>;
  readonly table: ScheduleTable;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Makes the runs of schedules. */
export class RunMaker {
  readonly #parts: RunMakerParts;
  readonly #turns: Turns;

  constructor(parts: RunMakerParts) {
    this.#parts = parts;
    this.#turns = new Turns(parts.clock);
  }

  /** Makes runs of a schedule that are due, and says when there is more to do. Throws only when SQLite does. */
  makeDue(name: string): Promise<void> {
    return this.#turns.take(name, async () => {
      const { table, clock, log } = this.#parts;
      const row = table.read(name);
      if (row === undefined || row.wake_at === null || row.wake_at > clock.now()) return;
      try {
        await this.#makeRuns(row, timingOf(row));
      } catch (thrown) {
        log.error('a schedule failed', { schedule: name, reason: describeThrown(thrown) });
        table.advance(name, { wake_at: clock.now() + RETRY.maxMs });
      }
    });
  }

  /**
   * Submits the job of a schedule now.
   * @param trigger the same key gives the same job, also while the job of a later run has not ended
   * @returns undefined when there is no such schedule
   * @throws ThroughlineError `schedule-busy`, `rate-limited`, and those of a submission
   */
  trigger(name: string, trigger: Trigger): Promise<SubmitResult | undefined> {
    return this.#turns.takeSoon(name, async () => {
      const { table, clock } = this.#parts;
      const row = table.read(name);
      if (row === undefined) return undefined;
      if (!(await this.#mayTrigger(row, trigger))) throw busy();
      const now = clock.now();
      try {
        const result = await submitRun(this.#submitParts, row, trigger);
        const run = runRow(now, 'submitted', { triggered: 1, job_id: result.job.id });
        if (!result.replayed) this.#record(row, run);
        return result;
      } catch (thrown) {
        const { code } = errorFrom(thrown);
        this.#record(row, runRow(now, 'refused', { triggered: 1, code }));
        throw thrown;
      }
    });
  }

  /** Whether the job of a trigger was submitted before, or need not wait for the job of the last run. */
  async #mayTrigger(row: ScheduleRow, trigger: Trigger): Promise<boolean> {
    const { bridge } = this.#parts;
    const jobId = await jobIdOf(row, trigger);
    if (row.last_job === jobId || !(await this.#isBusy(row))) return true;
    if (trigger.isNewKey) return false;
    return (await bridge.read(row.tenant, jobId)) !== undefined;
  }

  async #makeRuns(row: ScheduleRow, timing: Timing): Promise<void> {
    const { table, clock } = this.#parts;
    const now = clock.now();
    const due = dueRuns(row, timing, termsOf(row).catchUp ?? 'last', now, RUNS_PER_TURN);
    const { runs } = due;
    const [first] = runs;
    if (due.overdue !== undefined)
      table.addRun(row.name, runRow(due.overdue, 'refused', { code: row.pending_code }));
    if (due.lastDropped !== undefined)
      table.addRun(row.name, runRow(due.lastDropped, 'skipped', { reason: 'missed', count: due.dropped }));
    table.advance(row.name, {
      decided_at: first === undefined ? now : first - 1,
      ...(due.overdue === undefined ? {} : NOTHING_PENDING),
      ...(first === undefined ? { wake_at: nextRun(timing, now) ?? null } : {}),
    });
    const atOnce = runsSideBySide(row) ? RUNS_PER_TURN : 1;
    for (let start = 0; start < runs.length; start += atOnce) {
      if (!(await this.#makeAtOnce(row, timing, runs.slice(start, start + atOnce)))) return;
    }
  }

  /**
   * Makes runs side by side. Records them in their order, up to the first one that will be tried again. The later ones are made
   * again after it. They have the same job ids then, so no job is made twice.
   * @returns whether the next runs can be made now
   */
  async #makeAtOnce(row: ScheduleRow, timing: Timing, runs: readonly number[]): Promise<boolean> {
    const made = await Promise.all(runs.map(async (at) => ({ at, became: await this.#makeRun(row, at) })));
    // There is no `await` in this loop, so all records cost one write to the disk.
    for (const { at, became } of made) {
      const next = nextRun(timing, at) ?? null;
      if (became instanceof ThroughlineError) return this.#tryAgain(row, at, became, next);
      this.#record(row, became, { ...NOTHING_PENDING, decided_at: at, wake_at: next });
    }
    return this.#parts.table.versionOf(row.name) === row.version;
  }

  /** Makes one run. @returns what became of it, or why it has to be tried again */
  async #makeRun(row: ScheduleRow, at: number): Promise<RunRow | ThroughlineError> {
    const { log } = this.#parts;
    try {
      const isBusy = await this.#isBusy(row).catch((thrown: unknown) => {
        throw logRefusal(log, row, thrown);
      });
      if (isBusy) {
        log.info('run skipped', { schedule: row.name, tenant: row.tenant });
        return runRow(at, 'skipped', { reason: 'overlap' });
      }
      const { job } = await submitRun(this.#submitParts, row, at);
      return runRow(at, 'submitted', { job_id: job.id });
    } catch (thrown) {
      const error = errorFrom(thrown);
      const { code } = error;
      return ERRORS[code].ack === 'nak' ? error : runRow(at, 'refused', { code });
    }
  }

  /** Notes when to try a run again: after a pause that grows with the tries, or when the next run is due and replaces this one. */
  #tryAgain(row: ScheduleRow, at: number, error: ThroughlineError, next: number | null): false {
    const { table, clock } = this.#parts;
    const tries = (row.pending_at === at ? row.tries : 0) + 1;
    const pauseMs = equalJitter(backoffCeiling(tries, RETRY), Math.random());
    const retryAt = Math.ceil(clock.now() + Math.max(pauseMs, (error.retryAfterSeconds ?? 0) * 1_000));
    const isFinal = next === null || termsOf(row).catchUp === 'all';
    const wake_at = isFinal ? retryAt : Math.min(retryAt, next);
    if (table.versionOf(row.name) === row.version)
      table.advance(row.name, { pending_at: at, tries, pending_code: error.code, wake_at });
    return false;
  }

  /**
   * Whether a run has to wait for the job of the last run.
   * @throws ThroughlineError `broker-unavailable`, `record-unreadable` if nobody knows
   */
  async #isBusy(row: ScheduleRow): Promise<boolean> {
    const lastJob = this.#parts.table.lastJob(row.name);
    if (termsOf(row).overlap !== 'skip' || lastJob === '') return false;
    const job = await this.#parts.bridge.read(row.tenant, lastJob);
    // A job that NATS has rejected does not run.
    return job !== undefined && !isTerminal(job.state) && job.error?.code !== 'broker-rejected';
  }

  /** Records what became of a run. A schedule that was changed meanwhile keeps its own progress. */
  #record(row: ScheduleRow, run: RunRow, progress: Partial<Progress> = {}): void {
    const { table } = this.#parts;
    const version = table.versionOf(row.name);
    if (version === undefined) return;
    table.addRun(row.name, run);
    const lastJob = run.job_id === '' ? {} : { last_job: run.job_id };
    table.advance(row.name, { ...(version === row.version ? progress : {}), ...lastJob });
  }

  get #submitParts(): SubmitRunParts {
    const { table, bridge, log } = this.#parts;
    const keepCheck = (name: string, check: InputCheck) =>
      table.advance(name, { input_check: JSON.stringify(check) });
    return { bridge, log, keepCheck };
  }
}

/** Whether runs of a schedule need not wait for each other. Jobs of one ordering key must be accepted in their order. */
function runsSideBySide(row: ScheduleRow): boolean {
  return termsOf(row).overlap !== 'skip' && specOfRow(row).orderingKey === undefined;
}

function busy(): ThroughlineError {
  const message = 'the job of the last run has not ended, and the schedule lets no runs overlap';
  return new ThroughlineError('schedule-busy', message);
}

/** When the runs of a schedule are. */
export function timingOf(row: Pick<ScheduleRow, 'terms' | 'created_at'>): Timing {
  return parseTiming(termsOf(row), row.created_at);
}
