import type { LedgerReport } from '../checks/check.ts';

const SHOWN = 8;

/** A report as text: counts as Jepsen prints them, then the first violations of each check. */
export function describeReport(title: string, seed: number, seconds: number, report: LedgerReport): string {
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
