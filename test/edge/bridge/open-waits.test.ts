import { describe, expect, it } from 'vitest';
import { OpenWaits } from '../../../edge/bridge/open-waits.ts';

const FULL = expect.objectContaining({ code: 'too-many-waits', retryAfterSeconds: 5 });

describe('the open waits of a bridge', () => {
  it('are limited for each tenant, and free again when their work ends in any way', async () => {
    const waits = new OpenWaits();
    const ends = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const wait = { tenant: 'acme', waitMs: 1_000 };
    const open = ends.map(({ promise }) => waits.during(wait, 2, () => promise));
    let worked = 0;
    const work = async (): Promise<number> => ++worked;
    await expect(waits.during(wait, 2, work)).rejects.toEqual(FULL);
    expect(worked).toBe(0);
    expect(await waits.during({ ...wait, waitMs: 0 }, 2, work)).toBe(1);
    expect(await waits.during({ ...wait, tenant: 'globex' }, 2, work)).toBe(2);
    ends[0].reject(new Error('lost'));
    await Promise.allSettled([open[0]]);
    expect(await waits.during(wait, 2, work)).toBe(3);
    ends[1].resolve();
    await open[1];
  });
});
