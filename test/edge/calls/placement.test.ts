import { afterEach, describe, expect, it, vi } from 'vitest';
import { BridgeClient } from '../../../edge/calls/bridge-client.ts';
import {
  keyIdOf,
  REGIONS,
  type Region,
  regionOf,
  regionOfJob,
  shardOf,
  shardOfJob,
  withBridgeOf,
  withRegion,
} from '../../../edge/calls/placement.ts';
import { jobIdFor } from '../../../edge/http/requests/idempotency.ts';
import { isToken } from '../../../shared/job/job-address.ts';

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

  it('is part of a job’s id, and is read back from it', async () => {
    for (const region of REGIONS) expect(regionOfJob(await jobIdFor('acme', undefined, region))).toBe(region);
    expect(regionOfJob(await jobIdFor('acme', undefined))).toBeUndefined();
    expect(regionOfJob(withRegion(await jobIdFor('acme', undefined), 'mars' as Region))).toBeUndefined();
  });

  it('is not in an id that the edge did not make, whatever the id ends with', async () => {
    const keyed = await jobIdFor('acme', { key: 'order-1' });
    const upper = (await jobIdFor('acme', undefined)).toUpperCase();
    for (const id of ['read', 'a-b_c', '', keyed, upper, '0190f5a1-7c1e-4d3a-9c55-6a1f0c2b7e11'])
      for (const region of REGIONS) expect(regionOfJob(withRegion(id, region))).toBeUndefined();
  });
});

/** Remembers which objects were asked. */
function namespace(isAway: (name: string) => boolean = () => false) {
  const moved = () => Promise.reject(new Error('moved'));
  const asked: { name: string; locationHint?: string }[] = [];
  const stub = {
    read: async () => ({ ok: true, value: undefined }),
    cancelMany: async ({ jobIds }: { jobIds: readonly string[] }) => ({
      ok: true,
      value: jobIds.map(() => 'cancelled'),
    }),
    submitJobs: async (commands: readonly { jobId: string }[]) => ({
      ok: true,
      value: commands.map(({ jobId }) => ({
        ok: true,
        value: { outcome: 'submitted', job: { id: jobId }, replayed: false },
      })),
    }),
  };
  const get = (name: string, options: object = {}) => {
    asked.push({ name, ...options });
    return isAway(name) ? { submitJobs: moved, cancelMany: moved } : stub;
  };
  return { asked, bridges: { idFromName: (name: string) => name, get } as never };
}

const onFailure = vi.fn();
afterEach(() => onFailure.mockReset());

const OPTIONS = {
  onFailure,
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
    for (const region of REGIONS) await client.read('acme', await jobIdFor('acme', undefined, region));
    for (const { name } of asked) expect(name).toMatch(/^bridge-global-[0-3]$/);
  });

  it('is one for all jobs that have something in common, with any number of bridges, and their ids stay the same', () => {
    for (let shards = 1; shards <= 256; shards++) {
      const [first, ...others] = ['a', 'b', 'ik_0', 'x_12345678'].map((id) =>
        shardOfJob(withBridgeOf(id, 'acme/steps'), shards),
      );
      expect(others).toEqual([first, first, first]);
      expect(first).toBe(shardOf('acme/steps', shards));
      expect(shardOfJob('ik_0', shards)).toBe(shardOf('ik_0', shards));
    }
    expect(isToken(withBridgeOf(`ik_${'a'.repeat(40)}`, 'acme/steps'))).toBe(true);
    expect(keyIdOf(withBridgeOf('ik_0', 'acme/steps'))).toBe(keyIdOf('ik_0'));
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

  it('has its own error in a batch if its bridge does not answer, and the others are accepted', async () => {
    const { bridges } = namespace((name) => name.endsWith('-0'));
    const ids = await Promise.all(Array.from({ length: 40 }, () => jobIdFor('acme', undefined)));
    const commands = ids.map((jobId) => ({ jobId }) as never);
    const replies = await new BridgeClient(bridges, OPTIONS).submitBatch(commands);
    const refused = replies.filter(({ ok }) => !ok);
    expect(replies.length).toBe(ids.length);
    expect([refused.length > 0, refused.length < ids.length]).toEqual([true, true]);
    for (const reply of refused) expect(reply).toMatchObject({ error: { code: 'broker-unavailable' } });
    expect(onFailure.mock.calls).toMatchObject([[{ cause: { message: 'moved' } }]]);
  });

  it('is refused with the whole batch if no bridge answers', async () => {
    const { bridges } = namespace(() => true);
    const sent = new BridgeClient(bridges, OPTIONS).submitBatch([{ jobId: 'a' } as never]);
    await expect(sent).rejects.toMatchObject({ code: 'broker-unavailable' });
    expect(onFailure).not.toHaveBeenCalled();
  });

  it('tells why it did not answer, if it was to cancel some of many jobs', async () => {
    const { bridges } = namespace((name) => name.endsWith('-0'));
    const ids = await Promise.all(Array.from({ length: 40 }, () => jobIdFor('acme', undefined)));
    const outcomes = await new BridgeClient(bridges, OPTIONS).cancelMany('acme', ids);
    expect(new Set(outcomes)).toEqual(new Set(['cancelled', 'broker-unavailable']));
    expect(onFailure.mock.calls).toMatchObject([[{ cause: { message: 'moved' } }]]);
  });
});
