import { expect, it } from 'vitest';
import { SUITE } from '../../support/suite-settings.ts';
import type { AnswerEntry, LedgerRecord } from '../ledger/ledger.ts';
import { runFault } from '../support/run-fault.ts';

const JOBS = SUITE.CHAOS_OUTAGE_JOBS;
const OUTAGE_MS = SUITE.CHAOS_OUTAGE_MS;

it(`S2 (N1, E6): ${JOBS} jobs while NATS is away for ${OUTAGE_MS / 1_000} s and the edge is killed in the middle`, async () => {
  let awaySince = 0;
  const { counts, record } = await runFault({
    title: 'S2',
    jobs: JOBS,
    callers: 16,
    batch: 10,
    perSecond: Math.ceil((JOBS / OUTAGE_MS) * 1_500),
    before: 0.01,
    sampled: 0.02,
    // One lane, and one job at a time: so jobs begin in the order of the queue.
    system: { workers: 1, worker: { WORKER_CONCURRENCY: '1' }, edge: { FAIR_JOBS: '1000000' } },
    inject: async ({ system, load, hold }) => {
      await system.fault('away', 'nats', async () => {
        await system.nats.kill('SIGKILL');
        awaySince = Date.now();
        await load.reaches(JOBS / 2);
        await system.fault('kill', 'edge', () => system.edge.restart());
        await load.reaches(JOBS);
        const left = awaySince + OUTAGE_MS - Date.now();
        if (left > 0) await hold(left);
        await system.nats.restart();
      });
    },
  });
  expect(counts.ends.succeeded).toBe(JOBS);
  expect(counts.refusals).toBe(0);
  // A request that was under way when NATS was killed may get either answer.
  const meanwhile = answersOf(record).filter(({ at }) => at > awaySince + 5_000);
  expect(new Set(meanwhile.map(({ durability }) => durability))).toEqual(new Set(['outbox']));
  expect(overtakings(record)).toEqual([]);
});

function answersOf({ load }: LedgerRecord): AnswerEntry[] {
  return load.filter((entry) => entry.type === 'answer' && entry.outcome === 'accepted') as AnswerEntry[];
}

/** Jobs that overtook one that was accepted before they were first sent. */
function overtakings(record: LedgerRecord): string[] {
  const sentAt = new Map<string, number>();
  const acceptedAt = new Map<string, number>();
  for (const entry of record.load) {
    if (entry.type === 'attempt' && !sentAt.has(entry.jobId)) sentAt.set(entry.jobId, entry.at);
    if (entry.type === 'answer' && entry.jobId !== undefined && !acceptedAt.has(entry.jobId))
      acceptedAt.set(entry.jobId, entry.at);
  }
  const found: string[] = [];
  let latest = { jobId: '', at: 0 };
  for (const { jobId, phase } of record.effects) {
    if (phase === 'end') continue;
    const accepted = acceptedAt.get(jobId) ?? Number.POSITIVE_INFINITY;
    if (accepted < latest.at)
      found.push(
        `${jobId} was accepted ${latest.at - accepted} ms before ${latest.jobId} was sent, and started after it`,
      );
    const at = sentAt.get(jobId) ?? 0;
    if (at > latest.at) latest = { jobId, at };
  }
  return found;
}
