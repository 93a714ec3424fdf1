import { isEnd, type JobView, type LedgerView } from './ledger-view.ts';
import type { Violation } from './violation.ts';

/** A job with an ordering key. `sent` and `accepted` are places in the journal of the load. */
interface Ordered {
  readonly job: JobView;
  /** The idempotency key of its request, which may have been a batch. */
  readonly request: string;
  /** When it was sent for the first time. */
  readonly sent: number;
  /** When it was accepted for the first time. */
  readonly accepted: number;
  readonly wasSentAgain: boolean;
}

/** L11: of the jobs with one ordering key, none began before the jobs that were accepted before it had ended. */
export function checkOrder(view: LedgerView): Violation[] {
  return [...orderedJobs(view)].flatMap(([key, jobs]) =>
    jobs.flatMap((younger, place) =>
      jobs
        .slice(0, place)
        .filter((elder) => isElder(elder, younger))
        .filter((elder) => overlaps(elder.job, younger.job))
        .map((elder) => ({
          check: 'L11' as const,
          about: `key ${key}: ${younger.job.id} began before ${elder.job.id} had ended`,
        })),
    ),
  );
}

/** The accepted jobs of each ordering key, in the order of their acceptance. */
function orderedJobs(view: LedgerView): Map<string, Ordered[]> {
  const places = new Map<string, { orderingKey: string; sent: number; times: number }>();
  const byKey = new Map<string, Ordered[]>();
  const known = new Set<string>();
  for (const [place, entry] of view.record.load.entries()) {
    if (entry.type === 'attempt' && entry.orderingKey !== undefined) {
      const { orderingKey } = entry;
      const before = places.get(entry.key) ?? { orderingKey, sent: place, times: 0 };
      places.set(entry.key, { ...before, times: before.times + 1 });
    }
    if (entry.type !== 'answer' || entry.outcome !== 'accepted' || known.has(entry.key)) continue;
    const found = places.get(entry.key);
    const job = view.jobs.get(entry.jobId ?? '');
    if (found === undefined || job === undefined) continue;
    known.add(entry.key);
    const jobs = byKey.get(found.orderingKey) ?? [];
    const [request = ''] = entry.key.split('/');
    jobs.push({ job, request, sent: found.sent, accepted: place, wasSentAgain: found.times > 1 });
    byKey.set(found.orderingKey, jobs);
  }
  return byKey;
}

/**
 * Whether a job was certainly accepted before another one: before that one was sent, or before it in the same batch. A job
 * that was sent again may have been accepted at the first time.
 */
function isElder(one: Ordered, other: Ordered): boolean {
  if (one.accepted < other.sent) return true;
  if (one.wasSentAgain || other.wasSentAgain) return false;
  return one.request === other.request && one.accepted < other.accepted;
}

/** Whether the younger job began before the elder one had ended, by the events or by the executions. */
function overlaps(elder: JobView, younger: JobView): boolean {
  const end = elder.events.find(isEnd)?.sequence ?? Number.POSITIVE_INFINITY;
  const start = younger.events.find(({ kind }) => kind === 'started')?.sequence;
  if (start !== undefined && start < end) return true;
  const [begin] = younger.begins;
  if (begin === undefined) return false;
  return [...elder.begins, ...elder.ends].some(({ at }) => at > begin.at);
}
