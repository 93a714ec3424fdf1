import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StreamPlaces } from '../../../edge/watch/stream-places.ts';

const LIMIT = 3;
const OLD_MS = 5_000;

let places: StreamPlaces;
beforeEach(() => {
  vi.useFakeTimers();
  places = new StreamPlaces();
});
afterEach(() => void vi.useRealTimers());

const FULL = expect.objectContaining({ code: 'too-many-streams', retryAfterSeconds: 5 });
const fresh = (jobId: string, tenant = 'acme') => ({ tenant, jobId, isAgain: false });
const again = (jobId: string, tenant = 'acme') => ({ tenant, jobId, isAgain: true });
const ignore = (): void => undefined;

describe('the places of event streams', () => {
  it('are limited for each tenant, and free again when they are given back', () => {
    const [leave] = Array.from({ length: LIMIT }, (_, n) => places.take(fresh(`job-${n}`), LIMIT, ignore));
    expect(() => places.take(fresh('job-0'), LIMIT, ignore)).toThrow(FULL);
    places.take(fresh('job-0', 'other'), LIMIT, ignore);
    leave?.();
    leave?.();
    places.take(fresh('job-9'), LIMIT, ignore);
    expect(() => places.take(fresh('job-9'), LIMIT, ignore)).toThrow(FULL);
  });

  it('go to a reader that comes again, from the oldest stream of the same job', () => {
    const gaveWay: string[] = [];
    const take = (name: string, jobId: string) => places.take(fresh(jobId), LIMIT, () => gaveWay.push(name));
    take('elsewhere', 'job-2');
    const leaveOldest = take('oldest', 'job-1');
    take('younger', 'job-1');
    vi.advanceTimersByTime(OLD_MS);
    const leave = places.take(again('job-1'), LIMIT, () => gaveWay.push('again'));
    expect(gaveWay).toEqual(['oldest']);
    // Its own end, which comes later, frees nothing.
    leaveOldest();
    expect(() => places.take(fresh('job-1'), LIMIT, ignore)).toThrow(FULL);
    places.take(again('job-1'), LIMIT, ignore);
    expect(gaveWay).toEqual(['oldest', 'younger']);
    leave();
    places.take(fresh('job-3'), LIMIT, ignore);
  });

  it('are left to their streams while there is room', () => {
    const giveWay = vi.fn();
    places.take(fresh('job-1'), LIMIT, giveWay);
    vi.advanceTimersByTime(OLD_MS);
    places.take(again('job-1'), LIMIT, giveWay);
    expect(giveWay).not.toHaveBeenCalled();
  });

  it.each([
    ['a reader that is new', OLD_MS, fresh('job-1')],
    ['a reader of another job', OLD_MS, again('job-2')],
    ['a reader of another tenant', OLD_MS, again('job-1', 'other')],
    ['a reader that comes again too soon', OLD_MS - 1, again('job-1')],
  ])('never go to %s', (_, ageMs, request) => {
    const giveWay = vi.fn();
    for (let n = 0; n < LIMIT; n++) places.take(fresh('job-1'), LIMIT, giveWay);
    for (let n = 0; n < LIMIT; n++) places.take(fresh('job-9', 'other'), LIMIT, giveWay);
    vi.advanceTimersByTime(ageMs);
    expect(() => places.take(request, LIMIT, ignore)).toThrow(FULL);
    expect(giveWay).not.toHaveBeenCalled();
  });

  it('go round between more readers than places only at the pace of `Retry-After`', () => {
    let changes = 0;
    let waiting = 1;
    const giveWay = (): void => {
      changes++;
      waiting++;
    };
    for (let n = 0; n < LIMIT; n++) places.take(fresh('job-1'), LIMIT, giveWay);
    for (let second = 0; second < 60; second++) {
      vi.advanceTimersByTime(1_000);
      for (let tries = waiting; tries > 0; tries--) {
        try {
          places.take(again('job-1'), LIMIT, giveWay);
          waiting--;
        } catch (thrown) {
          expect(thrown).toEqual(FULL);
        }
      }
    }
    expect(waiting).toBe(1);
    expect(changes).toBeLessThanOrEqual((60 / 5) * LIMIT);
  });
});
