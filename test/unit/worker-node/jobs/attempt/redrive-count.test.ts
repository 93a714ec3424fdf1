import { describe, expect, it } from 'vitest';
import type { EventKind, JobEvent } from '../../../../../shared/job/event.ts';
import { eventOfRedrive } from '../../../../../shared/job/redrive.ts';
import { isOver, redriveCountOf } from '../../../../../worker-node/jobs/attempt/redrive-count.ts';
import { jobEvent } from '../../../../support/nats/job-event.ts';
import { attempt } from '../../support.ts';

const event = (kind: EventKind, redriveCount: number): JobEvent =>
  jobEvent(kind, redriveCount === 0 ? {} : { redriveCount });

describe('a delivery', () => {
  it.each<
    [kind: EventKind, eventRedriveCount: number, redriveCount: number, what: 'run' | 'start over' | 'skip']
  >([
    ['started', 0, 0, 'run'],
    ['failed', 0, 0, 'skip'],
    ['failed', 0, 1, 'start over'],
    ['released', 0, 1, 'start over'],
    ['redriven', 1, 1, 'run'],
    ['started', 1, 1, 'run'],
    ['succeeded', 1, 1, 'skip'],
    ['failed', 1, 2, 'start over'],
    // The job ended, and the acknowledgement of its message was lost.
    ['redriven', 1, 0, 'skip'],
    ['started', 2, 1, 'skip'],
  ])(
    'after %s with redrive count %i, a message with redrive count %i: %s',
    (kind, eventRedriveCount, redriveCount, what) => {
      const previous = eventOfRedrive(event(kind, eventRedriveCount), redriveCount);
      const seen = previous === undefined ? 'start over' : isOver(previous, redriveCount) ? 'skip' : 'run';
      expect(seen).toBe(what);
    },
  );

  it('without an event recalls nothing', () => {
    expect(eventOfRedrive(undefined, 0)).toBeUndefined();
  });

  it('is 0 until the job is redriven', () => {
    const { job } = attempt();
    expect(redriveCountOf(job)).toBe(0);
    expect(redriveCountOf({ ...job, redrive: { redriveCount: 2, previousTraceIds: [] } })).toBe(2);
  });
});
