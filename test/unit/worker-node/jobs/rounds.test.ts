import { describe, expect, it } from 'vitest';
import type { EventKind, JobEvent } from '../../../../shared/job/event.ts';
import { isOver, recalled, roundOf } from '../../../../worker-node/jobs/rounds.ts';
import { attempt } from '../support.ts';

function event(kind: EventKind, round: number): JobEvent {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    ...{ kind, jobId: 'job-1', operation: 'echo', attempt: 1, maxAttempts: 3, released: 0 },
    ...{ acceptedAt: at, at, worker: 'w', traceId: '', spanId: '' },
    ...(round === 0 ? {} : { round }),
  };
}

describe('a delivery', () => {
  it.each<[kind: EventKind, eventRound: number, round: number, what: 'run' | 'run anew' | 'skip']>([
    ['started', 0, 0, 'run'],
    ['failed', 0, 0, 'skip'],
    ['failed', 0, 1, 'run anew'],
    ['released', 0, 1, 'run anew'],
    ['redriven', 1, 1, 'run'],
    ['started', 1, 1, 'run'],
    ['succeeded', 1, 1, 'skip'],
    ['failed', 1, 2, 'run anew'],
    // The message of a round that ended, whose acknowledgement was lost.
    ['redriven', 1, 0, 'skip'],
    ['started', 2, 1, 'skip'],
  ])('after %s of round %i, of a message of round %i: %s', (kind, eventRound, round, what) => {
    const previous = recalled(event(kind, eventRound), round);
    const seen = previous === undefined ? 'run anew' : isOver(previous, round) ? 'skip' : 'run';
    expect(seen).toBe(what);
  });

  it('without an event has nothing to recall', () => {
    expect(recalled(undefined, 0)).toBeUndefined();
  });

  it('is of round 0 until its job is redriven', () => {
    const { job } = attempt();
    expect(roundOf(job)).toBe(0);
    expect(roundOf({ ...job, redrive: { round: 2, previousTraceIds: [] } })).toBe(2);
  });
});
