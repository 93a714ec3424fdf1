import { describe, expect, it } from 'vitest';
import { CAP_KEY, capOf, storeCaps, TENANT_KEY, tenantShareOf } from '../../../../shared/nats/store-caps.ts';

const account = (max_storage: number) => ({
  storage: 0,
  limits: { max_storage, max_streams: -1, max_consumers: -1, max_bytes_required: false },
});

describe('the caps of the store', () => {
  it('are shares of the store, as far as no setting names them', () => {
    const settings = { STREAM_STORE_BYTES: 1_000 };
    expect(storeCaps(settings, account(-1), 3)).toEqual({ jobs: 400, delayed: 250, tenant: 500 });
    expect(storeCaps({ ...settings, STREAM_JOBS_BYTES: 7 }, account(-1), 1)).toEqual({
      jobs: 7,
      delayed: 250,
      tenant: 500,
    });
    expect(storeCaps({ STREAM_DELAYED_BYTES: 7 }, account(-1), 1)).toEqual({ delayed: 7 });
  });

  it('are shares of the limit of the account, which counts each copy, or of its tier, which does not', () => {
    expect(storeCaps({}, account(3_000), 3)).toEqual({ jobs: 400, delayed: 250, tenant: 500 });
    expect(storeCaps({}, account(-1), 3)).toEqual({});
    const tiers = { R3: account(1_000) };
    expect(storeCaps({}, { ...account(-1), tiers }, 3)).toEqual({ jobs: 400, delayed: 250, tenant: 500 });
  });

  it('are read from a stream: its limit, or what its metadata says', () => {
    expect(capOf({ max_bytes: 5 })).toBe(5);
    expect(capOf({ max_bytes: -1, metadata: { [CAP_KEY]: '6' } })).toBe(6);
    for (const metadata of [{}, { [CAP_KEY]: '' }, { [CAP_KEY]: 'many' }, { [CAP_KEY]: '-1' }])
      expect(capOf({ max_bytes: -1, metadata })).toBeUndefined();
  });

  it('have beside them the share of one tenant, which is no cap of its stream', () => {
    const metadata = { [TENANT_KEY]: '6' };
    expect([tenantShareOf({ metadata }), capOf({ max_bytes: -1, metadata })]).toEqual([6, undefined]);
    for (const none of [undefined, {}, { [TENANT_KEY]: 'half' }, { [CAP_KEY]: '6' }])
      expect(tenantShareOf(none === undefined ? {} : { metadata: none })).toBeUndefined();
  });
});
