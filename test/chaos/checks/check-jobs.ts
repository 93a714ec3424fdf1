import { isEnd, type JobView, type LedgerView } from './ledger-view.ts';
import type { Violation } from './violation.ts';

/** L1 lost, L2 one end, L5 executions, L8 forward only: the rules for each job. */
export function checkJobs(view: LedgerView): Violation[] {
  const violations: Violation[] = [];
  for (const id of view.accepted.keys()) {
    if (!view.isEnded(id)) violations.push({ check: 'L1', about: `${id} was accepted and has no end` });
  }
  for (const job of view.jobs.values()) {
    violations.push(...checkEnds(job), ...checkExecutions(job), ...checkOrder(job));
  }
  return violations;
}

function checkEnds(job: JobView): Violation[] {
  const violations: Violation[] = [];
  const ends = job.events.filter(isEnd);
  const redriveCounts = new Set(ends.map(({ redriveCount }) => redriveCount));
  if (ends.length > redriveCounts.size) {
    violations.push({ check: 'L2', about: `${job.id} ends ${ends.map(({ kind }) => kind).join(', then ')}` });
  }
  const failed = ends.some(({ kind }) => kind === 'failed');
  if (failed && job.dead.length === 0) {
    violations.push({ check: 'L2', about: `${job.id} failed and is not in the dead letters` });
  }
  if (!failed && job.dead.length > 0) {
    violations.push({ check: 'L2', about: `${job.id} is in the dead letters and did not fail` });
  }
  return violations;
}

function checkExecutions(job: JobView): Violation[] {
  const violations: Violation[] = [];
  const end = job.events.filter(isEnd).at(-1);
  if (end?.kind === 'succeeded' && !job.ends.some(({ attempt }) => attempt === end.attempt)) {
    const about = `${job.id} succeeded, and attempt ${end.attempt} was never executed to its end`;
    violations.push({ check: 'L5', about });
  }
  if (end === undefined) return violations;
  for (const begin of job.begins) {
    if (begin.at <= end.at) continue;
    const late = Math.round(begin.at - end.at);
    const about = `${job.id} was started by ${begin.pid} ${late} ms after its end was stored (${end.kind} by ${end.worker})`;
    violations.push({ check: 'L5', about });
  }
  return violations;
}

/** An attempt that lost the job writes nothing but an end. That is the end of the job, whatever its number. */
function checkOrder(job: JobView): Violation[] {
  const violations: Violation[] = [];
  for (const [index, event] of job.events.slice(1).entries()) {
    const before = job.events[index];
    if (before === undefined) continue;
    const step = `${job.id}: ${event.kind} (attempt ${event.attempt}) after ${before.kind} (attempt ${before.attempt})`;
    if (isEnd(before) && event.redriveCount <= before.redriveCount)
      violations.push({ check: 'L8', about: step });
    else if (
      event.redriveCount === before.redriveCount &&
      event.attempt < before.attempt &&
      event.kind !== 'released' &&
      !isEnd(event)
    )
      violations.push({ check: 'L8', about: step });
  }
  return violations;
}
