import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { until } from '../../support/poll.ts';
import { SUITE } from '../../support/suite-settings.ts';
import { checkLedger, type LedgerReport } from '../checks/check.ts';
import { type Ledger, type LedgerRecord, openLedger } from '../ledger/ledger.ts';
import { chaosSeed, Dice } from './dice.ts';
import { Load } from './load.ts';
import { owedJobs, queueState, type System, type SystemOptions, startSystem, TENANT } from './system.ts';

/** How many violations of a check are printed. */
const SHOWN = 8;

const SAMPLE_MS = 500;
const DRAIN_BOUND_MS = 120_000;
const SPAN_WAIT_MS = 15_000;

/** What a scenario may use to do a fault. */
export interface Scene {
  readonly system: System;
  readonly load: Load;
  readonly dice: Dice;
  readonly ledger: Ledger;
  /** Does a fault, waits, and undoes it. */
  readonly hold: (ms: number) => Promise<void>;
}

export interface FaultRun {
  /** The row of the catalogue, and the fault. */
  readonly title: string;
  readonly jobs: number;
  /** The fields of a job besides its operation; default: work that takes no time. */
  readonly job?: (dice: Dice, caller: number) => Record<string, unknown>;
  readonly callers?: number;
  /** Whether each caller sends an equal share of the jobs, in order. */
  readonly shares?: true;
  readonly batch?: number;
  readonly perSecond?: number;
  /** The part of the requests whose spans are recorded; 0: no collector runs. */
  readonly sampled?: number;
  readonly system?: Partial<Omit<SystemOptions, 'directory' | 'ledger' | 'random'>>;
  /** The part of the jobs that is accepted before the fault; default: a fifth. */
  readonly before?: number;
  /** Does the fault and ends it, while the load continues. */
  readonly inject: (scene: Scene) => Promise<void>;
  /** Checks the system after all is quiet, before it is stopped. */
  readonly afterwards?: (scene: Scene, outcome: FaultOutcome) => Promise<void> | void;
  readonly drainBoundMs?: number;
  /** Whether the queue may keep messages that are settled: NATS failed to remove them. */
  readonly mayKeepDone?: true;
  /** Gives the report back instead of failing the test: for runs that must fail. */
  readonly expectViolations?: true;
}

/** The result of a run. */
export interface FaultOutcome extends LedgerReport {
  readonly record: LedgerRecord;
}

/**
 * Runs a system under load, does a fault to it, waits until all is quiet and checks the ledger. Fails the test if a
 * check fails, and always prints counts and seed. `CHAOS_KEEP=1` keeps the files.
 */
export async function runFault(run: FaultRun): Promise<FaultOutcome> {
  const seed = chaosSeed();
  const began = Date.now();
  const scene = await stage(run, new Dice(seed));
  const sampler = startSampling(scene);
  scene.load.start();
  await scene.load.reaches(Math.floor(run.jobs * (run.before ?? 0.2)));
  await run.inject(scene);
  await scene.load.done();
  await scene.load.replay();
  const drainMs = await untilQuiet(scene, run);
  await sampler.stop();
  const record = await readRecord(scene, drainMs, run);
  const report = checkLedger(record, { drainBoundMs: run.drainBoundMs ?? DRAIN_BOUND_MS });
  print(describeReport(run.title, seed, (Date.now() - began) / 1_000, report));
  if (run.expectViolations !== true) {
    expect(report.violations.map(({ check, about }) => `${check} ${about}`).slice(0, 20)).toEqual([]);
    expect(report.counts.keys).toBe(run.jobs);
    expect(report.counts.again.unexplained).toBe(0);
  }
  const outcome = { ...report, record };
  await run.afterwards?.(scene, outcome);
  return outcome;
}

async function stage(run: FaultRun, dice: Dice): Promise<Scene> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-chaos-'));
  await mkdir(directory, { recursive: true });
  onTestFinished(async () => {
    if (SUITE.CHAOS_KEEP) print(`kept ${directory}`);
    else await rm(directory, { recursive: true, force: true });
  });
  const ledger = await openLedger(directory);
  const sampled = run.sampled ?? 0;
  const system = await startSystem({
    workers: 2,
    tracing: sampled > 0,
    ...run.system,
    directory,
    ledger,
    random: () => dice.next(),
  });
  onTestFinished(async () => {
    await system.stop();
    await ledger.close();
  });
  const job = run.job ?? (() => ({ input: {} }));
  const load = new Load({
    url: () => system.url,
    apiKey: system.apiKey,
    tenant: TENANT,
    journal: ledger.load,
    dice,
    jobs: run.jobs,
    callers: run.callers ?? 8,
    batch: run.batch ?? 1,
    perSecond: run.perSecond,
    shares: run.shares,
    sampled,
    body: (dice, caller) => ({ operation: 'chaos.work', ...job(dice, caller) }),
  });
  // If a test ends early, its callers must end before the ledger is closed.
  onTestFinished(() => load.giveUp());
  return { system, load, dice, ledger, hold: (ms) => delay(ms) };
}

/** Takes samples now and then, but not while NATS is away. */
function startSampling({ system, ledger }: Scene) {
  const over = new AbortController();
  const sample = async (): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        const at = Date.now();
        const outbox = await system.outbox();
        const state = await queueState(system);
        await ledger.load.append({ type: 'sample', at, outbox, ...state });
      } catch {
        // NATS is away.
      }
      await delay(SAMPLE_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
  };
  const running = sample();
  return {
    stop: async () => {
      over.abort();
      await running;
    },
  };
}

/** Waits until outbox and queue are empty. @returns how long it took; undefined: too long */
async function untilQuiet({ system }: Scene, run: FaultRun): Promise<number | undefined> {
  const boundMs = run.drainBoundMs ?? DRAIN_BOUND_MS;
  const began = Date.now();
  const quiet = async (): Promise<boolean> => {
    const outbox = await system.outbox();
    const queued = run.mayKeepDone ? await owedJobs(system) : (await queueState(system)).queued;
    if (outbox === 0 && queued === 0) return true;
    throw new Error(`${outbox} in the outbox, ${queued} queued`);
  };
  try {
    await until('quiet', quiet, boundMs);
    return Date.now() - began;
  } catch (thrown) {
    print(String(thrown));
    return undefined;
  }
}

async function readRecord(
  { system, ledger }: Scene,
  drainMs: number | undefined,
  run: FaultRun,
): Promise<LedgerRecord> {
  await system.events.caughtUp(60_000);
  const written = await ledger.read();
  const { traces } = system;
  if (traces !== undefined && run.sampled !== undefined) {
    // Spans are exported a little after they end.
    const missing = (): number => {
      const { violations } = checkLedger(
        { ...written, spans: traces.allSpans(), drainMs },
        { drainBoundMs: DRAIN_BOUND_MS },
      );
      return violations.filter(({ check }) => check === 'L9').length;
    };
    await until('all spans', () => missing() === 0, SPAN_WAIT_MS).catch(() => undefined);
  }
  return { ...written, spans: traces?.allSpans(), drainMs };
}

function print(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A report as text: counts as Jepsen prints them, then the first violations of each check. */
function describeReport(title: string, seed: number, seconds: number, report: LedgerReport): string {
  const { counts, violations } = report;
  const { lost, ends, again } = counts;
  const lines = [
    `${title}  seed ${seed}, ${seconds.toFixed(1)} s, ${counts.faults} faults, ${counts.samples} samples`,
    `  keys ${counts.keys}: ok ${counts.accepted}, refused ${counts.refused}, unknown ${counts.unknown} (on the way: ${counts.refusals} refusals, ${counts.unknowns} unknowns)`,
    `  lost ${lost.prefix + lost.middle + lost.postfix}: prefix ${lost.prefix}, middle ${lost.middle}, postfix ${lost.postfix}`,
    `  ended: ${ends.succeeded} succeeded, ${ends.failed} failed, ${ends.cancelled} cancelled`,
    `  executions ${counts.executions}; again: ${again.attempt} attempts, ${again.worker} after a worker's fault, ${again.broker} after a broker's, ${again.unexplained} unexplained`,
    `  traces with spans ${counts.tracesSeen}; drained in ${counts.drainMs === undefined ? 'never' : `${(counts.drainMs / 1_000).toFixed(1)} s`}`,
  ];
  const byCheck = Map.groupBy(violations, ({ check }) => check);
  for (const [check, found] of byCheck) {
    lines.push(`  ${check} fails ${found.length} times:`);
    lines.push(...found.slice(0, SHOWN).map(({ about }) => `    ${about}`));
  }
  return lines.join('\n');
}

/** Kills one worker, which chance picks, once the pool has all of its workers. */
export async function killWorker({ system, dice }: Scene): Promise<void> {
  await system.pool.full();
  const worker = dice.pick(system.pool.workers);
  await system.fault('kill', 'worker', () => worker.kill('SIGKILL'), worker);
}
