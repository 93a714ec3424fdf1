import { describe, expect, it } from 'vitest';
import { EventTail } from '../../../edge/watch/event-tail.ts';
import type { RecordedEvent } from '../../../shared/api/answers/job-history.ts';
import type { EventKind } from '../../../shared/job/event.ts';

const event = (sequence: number, kind: EventKind = 'progress') =>
  ({ id: String(sequence), kind }) as unknown as RecordedEvent;

function tail(floor = 0, ended = false, limits = { events: 3, bytes: 1_000 }) {
  const window = new EventTail(floor, ended, limits);
  const push = (sequence: number, kind?: EventKind, bytes = 1): void =>
    window.push(sequence, bytes, event(sequence, kind));
  const behind = (sequence: number) => {
    const read = window.after(sequence);
    return typeof read === 'string' ? read : read.entries.map((entry) => entry.sequence);
  };
  return { window, push, behind };
}

describe('the tail of a job’s events', () => {
  it('gives the events after a place, or none', () => {
    const { push, behind } = tail();
    push(4);
    push(9);
    expect([behind(0), behind(4), behind(6), behind(9), behind(99)]).toEqual([[4, 9], [9], [9], [], []]);
  });

  it('says that events before it must be read from the stream', () => {
    const { push, behind } = tail(7);
    push(9);
    expect([behind(0), behind(6), behind(7)]).toEqual(['older', 'older', [9]]);
  });

  it('drops the oldest event when it is full, and says so to a reader that has not read it', () => {
    const { push, behind, window } = tail();
    for (const sequence of [1, 2, 3, 4, 5]) push(sequence);
    expect(window.floor).toBe(2);
    expect([behind(0), behind(1), behind(2), behind(4)]).toEqual(['older', 'older', [3, 4, 5], [5]]);
  });

  it('is limited in bytes too, but keeps the last event of any size', () => {
    const { push, behind } = tail();
    push(1, 'progress', 600);
    push(2, 'progress', 600);
    push(3, 'progress', 5_000);
    expect([behind(1), behind(2)]).toEqual(['older', [3]]);
  });

  it('ends with the job', () => {
    const { push, behind, window } = tail();
    push(1, 'started');
    push(2, 'succeeded');
    push(3);
    expect([behind(0), behind(1), behind(2), behind(99)]).toEqual([[1, 2], [2], 'end', 'end']);
    expect([window.ended, window.head]).toEqual([true, 2]);
  });

  it('knows that the job had ended before', () => {
    const { behind } = tail(7, true);
    expect([behind(0), behind(6), behind(7), behind(8)]).toEqual(['older', 'older', 'end', 'end']);
  });

  it('takes no event twice, and skips a message that is no event', () => {
    const { push, behind, window } = tail();
    push(5);
    push(5);
    push(4);
    window.push(8, 1, undefined);
    expect(behind(0)).toEqual([5]);
    expect(window.head).toBe(8);
  });
});
