import { isAccepted, isRefused, type KeyView, type LedgerView } from './ledger-view.ts';
import type { Violation } from './violation.ts';

/** L3 unexpected, L4 one job per key, L6 refused means no job: the rules for each idempotency key. */
export function checkKeys(view: LedgerView): Violation[] {
  const violations: Violation[] = [];
  const named = new Map<string, string>();
  for (const key of view.keys.values()) {
    violations.push(...checkKey(key, named));
    if (isRefused(key)) violations.push(...checkRefused(key, view));
  }
  for (const job of view.jobs.values()) {
    if (named.has(job.id)) continue;
    const refused = job.begins.length === 0 && job.events.length === 0 ? 'is in the dead letters' : 'was run';
    violations.push({ check: 'L3', about: `${job.id} ${refused}, and no answer ever named it` });
  }
  return violations;
}

/** @param named gets each id that an answer gave, with its key */
function checkKey(key: KeyView, named: Map<string, string>): Violation[] {
  const violations: Violation[] = [];
  const ids = new Set(key.answers.flatMap(({ jobId }) => jobId ?? []));
  if (ids.size > 1)
    violations.push({ check: 'L4', about: `${key.key} stands for ${[...ids].join(' and ')}` });
  for (const id of ids) {
    const other = named.get(id);
    if (other !== undefined && other !== key.key)
      violations.push({ check: 'L4', about: `${id} was given to ${other} and ${key.key}` });
    named.set(id, key.key);
  }
  if (!isAccepted(key) && !isRefused(key))
    violations.push({ check: 'L4', about: `${key.key} was never resolved` });
  if (new Set(key.attempts.map(({ bodyHash }) => bodyHash)).size > 1)
    violations.push({ check: 'L4', about: `${key.key} was sent with two bodies: the load is wrong` });
  return violations;
}

function checkRefused({ key, attempts }: KeyView, view: LedgerView): Violation[] {
  const ids = new Set(attempts.map(({ jobId }) => jobId));
  return [...ids]
    .filter((id) => view.jobs.has(id))
    .map((id) => ({ check: 'L6', about: `${key} was refused, and ${id} exists` }));
}
