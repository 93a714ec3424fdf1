import { describeThrown } from '../../shared/errors.ts';
import { CliError } from '../cli-error.ts';
import { Bench, type BenchParts } from './bench.ts';
import type { WorkerCase } from './cases/case.ts';
import { CaseOver, CaseSkipped, Findings } from './findings.ts';
import { untilPulled } from './program/until-pulled.ts';
import { WorkerLost } from './program/worker-under-test.ts';
import type { CaseReport } from './report.ts';

/** How many cases run side by side. Each has jobs of its own. */
const SIDE_BY_SIDE = 12;

/** A case that was under way when the worker ended by itself, beside others. */
interface Interrupted {
  readonly one: WorkerCase;
  readonly loss: WorkerLost;
}

/**
 * Runs cases on a worker that has started. Those that end the worker run last, one by one. If the worker ends by itself, it is
 * started again, and each case that was under way runs again alone: so it is seen which one ends the worker.
 * @param skipped names of cases that are not run
 * @param onCase takes each report when its case has ended
 * @throws CliError if the worker cannot be started again
 */
export async function runWorkerCases(
  parts: BenchParts,
  cases: readonly WorkerCase[],
  skipped: readonly string[],
  onCase: (report: CaseReport) => void,
): Promise<CaseReport[]> {
  const reports = new Map<string, CaseReport>();
  const take = (report: CaseReport): void => {
    reports.set(report.case, report);
    onCase(report);
  };
  const left: WorkerCase[] = [];
  for (const one of cases) {
    if (skipped.includes(one.name)) take(skippedReport(one));
    else if (one.isAlone !== true) left.push(one);
  }
  while (left.length > 0) {
    await ensureStarted(parts);
    const interrupted = await runSideBySide(parts, left, take);
    for (const report of await runAgain(parts, interrupted)) take(report);
  }
  for (const one of cases)
    if (one.isAlone === true && !reports.has(one.name)) take(await runAlone(parts, one));
  return cases.flatMap(({ name }) => reports.get(name) ?? []);
}

/** Takes cases off `left` until there are no more, or the worker has ended by itself. @returns those that were under way then */
async function runSideBySide(
  parts: BenchParts,
  left: WorkerCase[],
  take: (report: CaseReport) => void,
): Promise<Interrupted[]> {
  const interrupted: Interrupted[] = [];
  const runNext = async (): Promise<void> => {
    while (interrupted.length === 0 && !parts.worker.isGone) {
      const one = left.shift();
      if (one === undefined) return;
      const done = await runCase(parts, one);
      if (done instanceof WorkerLost) interrupted.push({ one, loss: done });
      else take(done);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, runNext));
  return interrupted;
}

/** Runs cases one by one. If the worker does not end again, nobody knows which case ended it, and all of them have failed. */
async function runAgain(parts: BenchParts, interrupted: readonly Interrupted[]): Promise<CaseReport[]> {
  const reports: CaseReport[] = [];
  for (const { one } of interrupted) reports.push(await runAlone(parts, one));
  if (reports.some(({ faults }) => faults.some(({ sentence }) => sentence === 'worker-stays')))
    return reports;
  const names = interrupted.map(({ one }) => one.name).join(', ');
  return reports.map((report, place) => {
    const findings = new Findings();
    const { message = '', lastWords = '' } = interrupted[place]?.loss ?? {};
    const found = `${message} while these cases ran side by side: ${names}. It did not end when each ran alone; ${lastWords}`;
    findings.check('worker-stays', false, found);
    return { ...report, outcome: 'failed', faults: [...report.faults, ...findings.faults] };
  });
}

async function runAlone(parts: BenchParts, one: WorkerCase): Promise<CaseReport> {
  await ensureStarted(parts);
  const began = performance.now();
  const done = await runCase(parts, one);
  if (!(done instanceof WorkerLost)) return done;
  const findings = new Findings();
  const found = `${done.message} while the case ${one.name} ran; ${done.lastWords}`;
  findings.check('worker-stays', false, found);
  return reportOf(one, findings, performance.now() - began);
}

async function ensureStarted(parts: BenchParts): Promise<void> {
  if (!parts.worker.isGone) return;
  await parts.worker.start();
  await untilPulled(parts);
}

/** @returns what the worker's end was, if it ended by itself */
async function runCase(parts: BenchParts, one: WorkerCase): Promise<CaseReport | WorkerLost> {
  const findings = new Findings();
  const bench = new Bench(parts, findings);
  const began = performance.now();
  try {
    await parts.worker.whileHere(async () => await one.run(bench));
  } catch (thrown) {
    if (thrown instanceof WorkerLost) return thrown;
    if (thrown instanceof CaseSkipped) return { ...skippedReport(one), why: thrown.message };
    if (thrown instanceof CliError) throw thrown;
    if (!(thrown instanceof CaseOver))
      throw new Error(`the case ${one.name}: ${describeThrown(thrown)}`, { cause: thrown });
  } finally {
    await bench.clear();
  }
  return reportOf(one, findings, performance.now() - began);
}

function reportOf({ name, what, sentences }: WorkerCase, { faults }: Findings, ms: number): CaseReport {
  const outcome = faults.length === 0 ? 'passed' : 'failed';
  return { case: name, what, outcome, sentences, faults, ms: Math.round(ms) };
}

function skippedReport({ name, what, sentences }: WorkerCase): CaseReport {
  return { case: name, what, outcome: 'skipped', sentences, faults: [], ms: 0 };
}
