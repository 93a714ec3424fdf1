import { describe, expect, it } from 'vitest';
import { quotasOf } from '../../../edge/access/quotas.ts';
import { edgeConfig } from '../../../edge/config.ts';
import { Quotas } from '../../../shared/api/usage.ts';
import { refusalOf } from '../../unit/support.ts';
import { edgeEnv } from '../support/edge-env.ts';

const config = (more: Readonly<Record<string, string>> = {}) => edgeConfig(edgeEnv(more));

describe('the quotas of a tenant', () => {
  it('are all there, with a default for each', () => {
    const quotas = quotasOf(config(), 'acme');
    expect(Object.keys(quotas).sort()).toEqual(Object.keys(Quotas.shape).sort());
    expect(Quotas.parse(quotas)).toEqual(quotas);
  });

  it.each(Object.keys(Quotas.shape))('can each be set for one tenant: %s', (name) => {
    const settings = config({ TENANT_QUOTAS: JSON.stringify({ acme: { [name]: 7 } }) });
    const common = quotasOf(config(), 'acme');
    expect(quotasOf(settings, 'acme')).toEqual({ ...common, [name]: 7 });
    expect(quotasOf(settings, 'globex')).toEqual(common);
    expect(quotasOf(settings, 'constructor')).toEqual(common);
  });

  it.each(['__proto__', 'constructor', 'toString'])('can be set for any tenant: %s', (tenant) => {
    const settings = config({ TENANT_QUOTAS: `{"${tenant}":{"jobs":7}}` });
    expect(quotasOf(settings, tenant).jobs).toBe(7);
    expect(quotasOf(settings, 'acme')).toEqual(quotasOf(config(), 'acme'));
  });

  it.each([
    ['{"acme":{"jobs":1},"globex":{"jobs":2},"acme":{"waits":3}}', 'has /acme twice'],
    ['{"acme":{"jobs":1,"waits":3,"jobs":2}}', 'has /acme/jobs twice'],
    ['{"a.b":{"jobs":1}}', 'must be a JSON object such as {"acme":{"jobs":1000}}'],
  ])('are refused if one would be lost in silence: %s', async (TENANT_QUOTAS, message) => {
    const error = await refusalOf(() => config({ TENANT_QUOTAS }));
    expect(error).toMatchObject({ code: 'config-invalid', message: `TENANT_QUOTAS: ${message}` });
  });

  it('are those of the setting, then those of the token, then those of all', () => {
    const settings = config({ TENANT_QUOTAS: '{"acme":{"jobs":1}}', TENANT_MAX_BYTES: '9' });
    expect(quotasOf(settings, 'acme', { jobs: 2, waits: 3, streams: undefined })).toMatchObject({
      jobs: 1,
      waits: 3,
      bytes: 9,
      streams: 200,
    });
  });

  it('leave a tenant room for one job in the outbox, however small its share', () => {
    const settings = config({ OUTBOX_MAX_ROWS: '10', OUTBOX_MAX_BYTES: '1000', OUTBOX_TENANT_PERCENT: '1' });
    expect(quotasOf(settings, 'acme')).toMatchObject({ outboxJobs: 1, outboxBytes: 10 });
  });
});
