import { expect, it } from 'vitest';
import { quotasOf } from '../../../../edge/access/quotas.ts';
import { TenantShare } from '../../../../edge/bridge/store/tenant-share.ts';
import { edgeConfig } from '../../../../edge/config.ts';
import { edgeEnv } from '../../support/edge-env.ts';
import { MemoryBroker } from '../../support/memory-broker.ts';

/** What a bridge lets the jobs of a tenant take, after NATS has said what it knows. */
function setup(settings: Readonly<Record<string, string>> = {}) {
  const broker = new MemoryBroker();
  const share = new TenantShare(edgeConfig(edgeEnv(settings)));
  const learn = (tenantShare: number | undefined) => {
    broker.stream('EVENTS').tenantShare = tenantShare;
    return share.learn(broker);
  };
  const storedBytes = (tenant = 'acme') => quotasOf(share.settings, tenant).storedBytes;
  return { broker, share, learn, storedBytes };
}

it('is what NATS says, and follows it', async () => {
  const { learn, storedBytes } = setup({ TENANT_QUOTAS: '{"globex":{"storedBytes":7}}' });
  const any = storedBytes();
  expect(any).toBeGreaterThan(1e14);
  await learn(1_000);
  expect([storedBytes(), storedBytes('globex')]).toEqual([1_000, 7]);
  await learn(2_000);
  expect(storedBytes()).toBe(2_000);
  await learn(undefined);
  expect(storedBytes()).toBe(any);
});

it('is what the setting of the edge says, and then NATS is not asked', async () => {
  const { broker, learn, storedBytes } = setup({ TENANT_MAX_STORED_BYTES: '50' });
  await learn(1_000);
  expect([storedBytes(), broker.calls('extent')]).toEqual([50, 0]);
});

it('stays as it is while NATS does not say it', async () => {
  const { broker, learn, storedBytes } = setup();
  await learn(1_000);
  broker.fail('extent');
  await learn(2_000);
  expect(storedBytes()).toBe(1_000);
});
