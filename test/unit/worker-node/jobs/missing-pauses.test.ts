import { describe, expect, it } from 'vitest';
import { MissingPauses } from '../../../../worker-node/jobs/missing-pauses.ts';

/** How long a host keeps jobs away that it does not have. The clock moves when the test says so. */
function pausesOf({ isServed, random = 0.999 }: { isServed: boolean; random?: number }) {
  const clock = { now: 1_000_000 };
  const hosts = { serves: () => isServed };
  const pauses = new MissingPauses({ hosts, random: () => random, now: () => clock.now });
  return { pauses, clock };
}

/** How many wrong hosts a job meets within `ms`, if each hands it back at once when it comes. */
function hostsWithin(ms: number): number {
  const { pauses, clock } = pausesOf({ isServed: true });
  const until = clock.now + ms;
  let hosts = 0;
  while (clock.now <= until) clock.now += pauses.pauseMs('image.thumbnail', ++hosts);
  return hosts;
}

describe('a job of an operation that another host of the group has', () => {
  it('goes to the next host at once when the first wrong host hands it back', () => {
    expect(pausesOf({ isServed: true }).pauses.pauseMs('image.thumbnail', 1)).toBe(0);
  });

  it('meets eight wrong hosts or more within half a second, and twenty within two', () => {
    expect(hostsWithin(500)).toBeGreaterThanOrEqual(8);
    expect(hostsWithin(2_000)).toBeGreaterThanOrEqual(20);
  });

  it('stays away longer each time, so that it costs little while the right host is busy', () => {
    const { pauses, clock } = pausesOf({ isServed: true });
    const delays = [10, 50, 100, 1_000].map((deliveries) => {
      clock.now += 60_000;
      return pauses.pauseMs('image.thumbnail', deliveries);
    });
    expect(delays).toEqual([90, 490, 990, 1_000]);
  });

  it('stays away as long as a full queue of them needs: a host hands back at most 200 of them a second', () => {
    const { pauses } = pausesOf({ isServed: true });
    const delays = Array.from({ length: 1_000 }, () => pauses.pauseMs('image.thumbnail', 1));
    expect(delays.filter((ms) => ms < 500).length).toBeLessThanOrEqual(101);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000);
    expect(delays.at(-1)).toBeGreaterThan(900);
  });

  it('comes at once again when the others are gone', () => {
    const { pauses, clock } = pausesOf({ isServed: true });
    for (let n = 0; n < 1_000; n++) pauses.pauseMs('image.thumbnail', 1);
    clock.now += 1_001;
    expect(pauses.pauseMs('image.thumbnail', 1)).toBe(0);
  });
});

describe('a job of an operation that no other host has', () => {
  it('stays away from half a second to half a minute, at least half of each step', () => {
    const { pauses } = pausesOf({ isServed: false, random: 0.5 });
    const steps = [1, 2, 3, 7, 50].map((deliveries) => pauses.pauseMs('image.thumbnail', deliveries));
    expect(steps).toEqual([375, 750, 1_500, 22_500, 22_500]);
  });
});
