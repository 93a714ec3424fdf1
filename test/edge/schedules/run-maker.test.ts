import { describe, expect, it, vi } from 'vitest';
import type { SubmitAnswer, SubmitCommand } from '../../../edge/calls/commands.ts';
import { runJobId } from '../../../edge/schedules/run-id.ts';
import { RunMaker, type RunMakerParts } from '../../../edge/schedules/run-maker.ts';
import { NOTHING_PENDING, type ScheduleRow, termsIn } from '../../../edge/schedules/schedule-row.ts';
import { ScheduleTable } from '../../../edge/schedules/schedule-table.ts';
import { createLogger } from '../../../edge/telemetry/log.ts';
import type { ScheduleRequest } from '../../../shared/api/schedule.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { openSql } from '../support/memory-sql.ts';

const MINUTE = 60_000;
const FROM = Date.parse('2031-06-01T00:00:00Z');
const NAME = 'minutely';

/** A schedule of every minute, whose jobs go to a bridge of the test. */
class Bench {
  readonly table = new ScheduleTable(openSql() as SqlStorage);
  readonly maker: RunMaker;
  /** The ids of the jobs that the bridge was asked to take, in order. */
  readonly asked: string[] = [];
  /** The most submissions that were under way at a time. */
  most = 0;
  now = FROM;
  readonly log = createLogger('error');
  /** The jobs that the bridge refuses once, by id. */
  readonly #refusals = new Map<string, Error>();
  /** The bridge answers once so many submissions are under way. */
  holdUntil = 1;
  #underWay = 0;
  readonly #held = Promise.withResolvers<void>();

  constructor(fields: Partial<ScheduleRequest> = {}) {
    const request = { operation: 'echo', input: 1, cron: '* * * * *', catchUp: 'all', ...fields };
    this.table.put(rowOf(request as ScheduleRequest));
    this.maker = new RunMaker({
      bridge: { submit: (command) => this.#submit(command), read: async () => undefined },
      table: this.table,
      clock: { now: () => this.now, alarmAt: (at) => at },
      log: this.log,
    } satisfies RunMakerParts);
  }

  async runUntil(now: number): Promise<void> {
    this.now = now;
    await this.maker.makeDue(NAME);
  }

  /** Lets the bridge refuse the run of a minute once. Runs that are made side by side reach it in any order. */
  async refuse(minute: number, error: Error): Promise<void> {
    const run = FROM + minute * MINUTE;
    this.#refusals.set(await runJobId({ tenant: 'acme', name: NAME, run }, undefined), error);
  }

  /** The minutes whose runs are recorded as submitted, from the first on. */
  get submitted(): number[] {
    const runs = this.table.lastRuns(NAME).filter(({ outcome }) => outcome === 'submitted');
    return runs.map(({ scheduled_for }) => (scheduled_for - FROM) / MINUTE).reverse();
  }

  async #submit({ jobId }: Omit<SubmitCommand, 'carrier'>): Promise<SubmitAnswer> {
    this.asked.push(jobId);
    this.most = Math.max(this.most, ++this.#underWay);
    const refusal = this.#refusals.get(jobId);
    this.#refusals.delete(jobId);
    if (this.#underWay === this.holdUntil) this.#held.resolve();
    await this.#held.promise;
    this.#underWay--;
    if (refusal !== undefined) throw refusal;
    return { outcome: 'submitted', replayed: false, job: { id: jobId } } as SubmitAnswer;
  }
}

function rowOf(request: ScheduleRequest): ScheduleRow {
  return {
    name: NAME,
    tenant: 'acme',
    version: '1',
    created_at: FROM,
    updated_at: FROM,
    digest: '',
    maker: '',
    terms: JSON.stringify(termsIn(request)),
    request: JSON.stringify(request),
    spec: JSON.stringify({ orderingKey: request.orderingKey }),
    paused: 0,
    decided_at: FROM,
    wake_at: FROM + MINUTE,
    last_job: '',
    input_check: '',
    ...NOTHING_PENDING,
  };
}

describe('runs that were missed', () => {
  it('are made side by side, and recorded in their order', async () => {
    const bench = new Bench();
    bench.holdUntil = 5;
    await bench.runUntil(FROM + 5 * MINUTE);
    expect({ most: bench.most, submitted: bench.submitted }).toEqual({ most: 5, submitted: [1, 2, 3, 4, 5] });
  });

  it.each([{ overlap: 'skip' as const }, { orderingKey: 'customer-7' }])(
    'are made one after the other with %j',
    async (fields) => {
      const bench = new Bench(fields);
      await bench.runUntil(FROM + 5 * MINUTE);
      expect({ most: bench.most, submitted: bench.submitted }).toEqual({
        most: 1,
        submitted: [1, 2, 3, 4, 5],
      });
    },
  );

  it('after one that was refused for a while are made again with it, as the same jobs', async () => {
    const bench = new Bench();
    await bench.refuse(3, new ThroughlineError('stream-full', 'the queue is full'));
    await bench.runUntil(FROM + 5 * MINUTE);
    expect(bench.submitted).toEqual([1, 2]);
    await bench.runUntil(FROM + 10 * MINUTE);
    await bench.runUntil(FROM + 10 * MINUTE);
    expect(bench.submitted).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(new Set(bench.asked).size).toBe(10);
  });

  it('after one that was refused for good are made', async () => {
    const bench = new Bench();
    await bench.refuse(3, new ThroughlineError('operation-unknown', 'no such'));
    await bench.runUntil(FROM + 5 * MINUTE);
    expect(bench.submitted).toEqual([1, 2, 4, 5]);
    expect(bench.table.lastRuns(NAME).find(({ outcome }) => outcome === 'refused')).toMatchObject({
      scheduled_for: FROM + 3 * MINUTE,
      code: 'operation-unknown',
    });
  });
});

describe('the log says what went wrong', () => {
  it('when a run cannot be recorded', async () => {
    const bench = new Bench();
    vi.spyOn(bench.table, 'addRun').mockImplementationOnce(() => {
      throw new Error('the disk is full');
    });
    const error = vi.spyOn(bench.log, 'error').mockReturnValue();
    await bench.runUntil(FROM + MINUTE);
    expect(error.mock.calls).toEqual([['a schedule failed', { schedule: NAME, reason: 'the disk is full' }]]);
  });

  it('when a run cannot be submitted for a fault of ours', async () => {
    const bench = new Bench();
    const warn = vi.spyOn(bench.log, 'warn').mockReturnValue();
    await bench.refuse(1, new TypeError('x is not a function'));
    await bench.runUntil(FROM + MINUTE);
    expect(warn.mock.calls).toMatchObject([
      ['run refused', { code: 'internal', reason: 'x is not a function' }],
    ]);
  });
});
