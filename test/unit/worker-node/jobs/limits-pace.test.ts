import { expect, it } from 'vitest';
import { Pace } from '../../../../worker-node/jobs/limits/pace.ts';
import { Parking } from '../../../../worker-node/jobs/limits/parking.ts';

const paceOf = (longestMs = 50) =>
  new Pace(
    undefined,
    () => longestMs,
    () => 0.5,
  );

it('jobs that are handed back come again one after the other, as fast as jobs of their key start', () => {
  const pace = paceOf(1_000);
  for (let now = 0; now <= 2_000; now += 20) pace.start(now);
  const turns = [1, 2, 3].map(() => pace.turn(2_000, 0));
  expect(turns[0]).toBe(100);
  expect((turns[1] ?? 0) - (turns[0] ?? 0)).toBeCloseTo(20, -1);
  expect(pace.isAhead(2_000)).toBe(true);
});

it('while jobs that run take long, those that are handed back still come now and then', () => {
  const pace = paceOf(50);
  pace.start(0);
  const [first = 0, second = 0] = [pace.turn(600_000, 0), pace.turn(600_000, 0)];
  expect(second - first).toBe(50);
});

it('no job stays away for longer than five minutes, and long ones do not all come together', () => {
  const pace = new Pace(
    { limit: 1, periodMs: 3_600_000 },
    () => 50,
    () => 0.5,
  );
  expect(pace.turn(0, 3_600_000)).toBe(225_000);
});

it('a host parks as many jobs of a key as may run, at least two and at most sixteen', () => {
  const parking = new Parking(100);
  expect([0, 1, 2].map((waiting) => parking.hasRoom('a', waiting, 1))).toEqual([true, true, false]);
  expect([15, 16].map((waiting) => parking.hasRoom('a', waiting, 1_000))).toEqual([true, false]);
});

it('one tenant takes half of the room for parked jobs', () => {
  const parking = new Parking(4);
  parking.enter('a');
  parking.enter('a');
  expect([parking.hasRoom('a', 0, 9), parking.hasRoom('b', 0, 9)]).toEqual([false, true]);
  parking.leave('a');
  expect(parking.hasRoom('a', 0, 9)).toBe(true);
  expect(parking.size).toBe(1);
});
