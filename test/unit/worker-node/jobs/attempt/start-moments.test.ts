import { expect, it } from 'vitest';
import { StartMoments } from '../../../../../worker-node/jobs/attempt/start-moments.ts';

const ONE = { tenant: 'acme', jobId: 'one' };
const OTHER = { tenant: 'acme', jobId: 'other' };

it('attempts of one job never start at the same moment; those of others do', () => {
  const moments = new StartMoments();
  const next = (job: typeof ONE, now: number): number => moments.next(job, now).getTime();
  expect([next(ONE, 100), next(ONE, 100), next(OTHER, 100), next(ONE, 101)]).toEqual([100, 101, 100, 102]);
  expect(next(ONE, 200)).toBe(200);
});

it('a clock that is set back takes the moments with it', () => {
  const moments = new StartMoments();
  moments.next(ONE, 3_600_000);
  expect(moments.next(ONE, 1_000).getTime()).toBe(1_000);
});
