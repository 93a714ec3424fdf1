import { describeThrown } from '../../shared/errors.ts';
import { Bench, type BenchParts } from './bench.ts';
import type { WorkerCase } from './cases/case.ts';
import { CaseOver, CaseSkipped, Findings } from './findings.ts';
import type { CaseReport } from './report.ts';

/** How many cases run side by side. Each has jobs of its own. */
const SIDE_BY_SIDE = 12;

/**
 * Runs cases on a worker that has started. Those that end the worker run last, one by one.
 * @param skipped names of cases that are not run
 * @param onCase takes each report when its case has ended
 */
export async function runWorkerCases(
  parts: BenchParts,
  cases: readonly WorkerCase[],
  skipped: readonly string[],
  onCase: (report: CaseReport) => void,
): Promise<CaseReport[]> {
  const reports = new Map<string, CaseReport>();
  const runOne = async (one: WorkerCase): Promise<void> => {
    const report = skipped.includes(one.name) ? skippedReport(one) : await runCase(parts, one);
    reports.set(one.name, report);
    onCase(report);
  };
  const waiting = cases.filter(({ isAlone }) => isAlone !== true);
  const runNext = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await runOne(one);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, runNext));
  for (const one of cases) if (one.isAlone === true) await runOne(one);
  return cases.flatMap(({ name }) => reports.get(name) ?? []);
}

async function runCase(parts: BenchParts, one: WorkerCase): Promise<CaseReport> {
  const { name, what, sentences, run } = one;
  const findings = new Findings();
  const bench = new Bench(parts, findings);
  const began = performance.now();
  try {
    await run(bench);
  } catch (thrown) {
    if (thrown instanceof CaseSkipped) return { ...skippedReport(one), why: thrown.message };
    if (!(thrown instanceof CaseOver))
      throw new Error(`the case ${name}: ${describeThrown(thrown)}`, { cause: thrown });
  } finally {
    await bench.clear();
  }
  const { faults } = findings;
  const outcome = faults.length === 0 ? 'passed' : 'failed';
  return { case: name, what, outcome, sentences, faults, ms: Math.round(performance.now() - began) };
}

function skippedReport({ name, what, sentences }: WorkerCase): CaseReport {
  return { case: name, what, outcome: 'skipped', sentences, faults: [], ms: 0 };
}
