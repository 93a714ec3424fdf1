import { describe, expect, it } from 'vitest';
import { BridgeClient } from '../../../edge/calls/bridge-client.ts';
import { REGIONS, regionOf, regionOfJob, withRegion } from '../../../edge/calls/placement.ts';
import { jobIdFor } from '../../../edge/http/requests/idempotency.ts';

describe('the region of a request', () => {
  it.each([
    ['Berlin', { continent: 'EU', country: 'DE', longitude: '13.40' }, 'weur'],
    ['Warsaw', { continent: 'EU', country: 'PL', longitude: '21.01' }, 'eeur'],
    ['New York', { continent: 'NA', country: 'US', longitude: '-74.00' }, 'enam'],
    ['San Francisco', { continent: 'NA', country: 'US', longitude: '-122.42' }, 'wnam'],
    ['São Paulo', { continent: 'SA', country: 'BR', longitude: '-46.63' }, 'sam'],
    ['Dubai', { continent: 'AS', country: 'AE', longitude: '55.27' }, 'me'],
    ['Tokyo', { continent: 'AS', country: 'JP', longitude: '139.69' }, 'apac'],
    ['Sydney', { continent: 'OC', country: 'AU', longitude: '151.21' }, 'oc'],
    ['Lagos', { continent: 'AF', country: 'NG', longitude: '3.38' }, 'afr'],
    ['somewhere in Europe', { continent: 'EU' }, 'weur'],
    ['nowhere', {}, undefined],
    ['a made-up place', { continent: 7, country: [], longitude: {} }, undefined],
  ])('%s', (_, location, region) => {
    expect(regionOf(location)).toBe(region);
  });

  it('is part of a job’s id, and is read back from it', () => {
    for (const region of REGIONS) expect(regionOfJob(withRegion('a-b_c', region))).toBe(region);
    expect(regionOfJob(withRegion('a-b_c', undefined))).toBeUndefined();
    expect(regionOfJob('a-b_mars')).toBeUndefined();
  });
});

/** Remembers which objects were asked. */
function namespace() {
  const asked: { name: string; locationHint?: string }[] = [];
  const stub = {
    read: async () => ({ ok: true, value: undefined }),
    submitBatch: async (commands: readonly { jobId: string }[]) => ({
      ok: true,
      value: commands.map(({ jobId }) => ({
        ok: true,
        value: { outcome: 'submitted', job: { id: jobId }, replayed: false },
      })),
    }),
  };
  const getByName = (name: string, options: object = {}) => {
    asked.push({ name, ...options });
    return stub;
  };
  return { asked, bridges: { getByName } as never };
}

const OPTIONS = {
  shards: 4,
  brokerTimeoutMs: 1_000,
  byRegion: true,
  region: undefined,
  locationHint: undefined,
};

describe('the bridge of a job', () => {
  it('is in the region of its id, wherever the caller is', async () => {
    const { asked, bridges } = namespace();
    const id = await jobIdFor('acme', undefined, 'weur');
    await new BridgeClient(bridges, { ...OPTIONS, region: 'weur' }).read('acme', id);
    await new BridgeClient(bridges, { ...OPTIONS, region: 'apac' }).read('acme', id);
    await new BridgeClient(bridges, OPTIONS).read('acme', id);
    expect(new Set(asked.map(({ name }) => name)).size).toBe(1);
    expect(asked[0]).toMatchObject({
      name: expect.stringMatching(/^bridge-weur-[0-3]$/),
      locationHint: 'weur',
    });
  });

  it('ignores the region in an id where bridges are not placed by region', async () => {
    const { asked, bridges } = namespace();
    const client = new BridgeClient(bridges, { ...OPTIONS, byRegion: false });
    for (const region of REGIONS) await client.read('acme', withRegion('x', region));
    for (const { name } of asked) expect(name).toMatch(/^bridge-global-[0-3]$/);
  });

  it('is the same for an idempotency key from every region', async () => {
    const { asked, bridges } = namespace();
    for (const region of ['weur', 'apac'] as const) {
      const client = new BridgeClient(bridges, { ...OPTIONS, region, locationHint: 'enam' });
      await client.read('acme', await jobIdFor('acme', { key: 'key' }, client.region));
    }
    expect(asked[0]).toEqual(asked[1]);
    expect(asked[0]).toMatchObject({ name: expect.stringMatching(/^bridge-global-/), locationHint: 'enam' });
  });

  it('gets its part of a batch, and the results keep the order of the batch', async () => {
    const { asked, bridges } = namespace();
    const ids = await Promise.all(Array.from({ length: 20 }, () => jobIdFor('acme', undefined)));
    const commands = ids.map((jobId) => ({ jobId }) as never);
    const replies = await new BridgeClient(bridges, OPTIONS).submitBatch(commands);
    expect(replies).toMatchObject(ids.map((id) => ({ ok: true, value: { job: { id } } })));
    expect(new Set(asked.map(({ name }) => name)).size).toBe(asked.length);
    expect(asked.length).toBeGreaterThan(1);
  });
});
