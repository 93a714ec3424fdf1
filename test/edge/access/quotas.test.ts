import { describe, expect, it } from 'vitest';
import { quotasOf } from '../../../edge/access/quotas.ts';
import { edgeConfig } from '../../../edge/config.ts';
import { Quotas } from '../../../shared/api/usage.ts';
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
