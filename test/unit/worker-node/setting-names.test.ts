import { describe, expect, it } from 'vitest';
import { createCallbackSecret } from '../../../shared/text/secret.ts';
import { WORKER_SETTING_NAMES, workerConfig, workerWarnings } from '../../../worker-node/config.ts';
import { AllowList } from '../../../worker-node/operations/targets/allow-list.ts';
import { type SettingProof, unusedNames } from '../../support/setting-names.ts';
import { refusalOf } from '../support.ts';

const PROOFS: Readonly<Record<string, SettingProof>> = {
  NATS_URL: { good: 'tls://a,tls://b', wrong: 'http://a' },
  NATS_USER: { good: 'ann' },
  NATS_PASSWORD: { good: 'pw', with: { NATS_USER: 'ann' }, wrong: 'pw' },
  NATS_TOKEN: { good: 'token' },
  NATS_CREDS_FILE: { good: '/etc/creds' },
  WORKER_GROUP: { good: 'images', wrong: 'a-normal-own-b' },
  WORKER_OWN_LANES: { good: 'acme, globex', wrong: 'a.b' },
  WORKER_OPERATIONS: { good: 'image.>' },
  WORKER_NAME: { good: 'host-1', wrong: 'x'.repeat(129) },
  WORKER_VERSION: { good: '2.3.4', wrong: 'x'.repeat(129) },
  WORKER_ANNOUNCE_MS: { good: '100', wrong: '30001' },
  WORKER_CONCURRENCY: { good: '11', wrong: '0' },
  WORKER_ACK_WAIT_MS: { good: '2000', wrong: '20s' },
  WORKER_MAX_ACK_PENDING: { good: '2', wrong: '-1' },
  WORKER_STOP_TIMEOUT_MS: { good: '1', wrong: '1e3' },
  STREAM_REPLICAS: { good: '3', wrong: '6' },
  STREAM_STORE_BYTES: { good: '50000000000', wrong: '50GB' },
  STREAM_JOBS_BYTES: { good: '1000000', wrong: '50' },
  STREAM_DELAYED_BYTES: { good: '1000000', wrong: '-1' },
  HEALTH_HOST: { good: '0.0.0.0' },
  HEALTH_PORT: { good: '1', wrong: '65536' },
  HTTP_REQUEST_ALLOW: { good: 'http://a' },
  CALLBACK_ALLOW: { good: 'http://a' },
  TARGET_ADDRESSES_ALLOW: { good: '10.0.0.0/8' },
  BAGGAGE_ALLOW: { good: 'none' },
  CALLBACK_SECRET: { good: createCallbackSecret(), wrong: 'whsec_' },
  CALLBACK_SECRETS: { good: JSON.stringify({ acme: createCallbackSecret() }), wrong: '[]' },
  CALLBACK_CONCURRENCY: { good: '0', wrong: 'none' },
  CALLBACK_TENANT_CONCURRENCY: { good: '3', wrong: '0' },
  CALLBACK_TIMEOUT_MS: { good: '100', wrong: '0' },
  CALLBACK_MAX_ATTEMPTS: { good: '1', wrong: '0' },
  CALLBACK_RETRY_MIN_MS: { good: '1', wrong: '0' },
  CALLBACK_RETRY_MAX_MS: { good: '5000', wrong: '4999' },
  METRICS_TENANTS: { good: 'true', wrong: 'maybe' },
  LOG_LEVEL: { good: 'warn', wrong: 'WARN' },
  WORKER_CANARY: { good: 'false', wrong: 'maybe' },
  DEBUG: { good: 'true', wrong: 'TRUE' },
};

describe('every setting of the worker', () => {
  it('is proved below, and is used somewhere', async () => {
    expect(Object.keys(PROOFS).sort()).toEqual([...WORKER_SETTING_NAMES].sort());
    const unused = await unusedNames(WORKER_SETTING_NAMES, '{worker-node,shared}', 'worker-node/config.ts');
    expect(unused).toEqual([]);
  });

  it.each(Object.entries(PROOFS))('%s changes what is read, or is refused', async (name, proof) => {
    const { good, wrong, with: others = {} } = proof;
    const others_ = others as Record<string, string>;
    expect(workerConfig({ ...others_, [name]: String(good) })).not.toEqual(workerConfig(others_));
    expect(workerWarnings({ ...others_, [name]: String(good) })).toEqual([]);
    if (wrong === undefined) return;
    const error = await refusalOf(() => workerConfig({ [name]: String(wrong) }));
    expect(error.message).toMatch(new RegExp(`^${name}: `));
  });

  it.each(WORKER_SETTING_NAMES)('%s never shows its value when it is refused', (name) => {
    for (const value of ['canary', 'nats://ann:canary@', '{"acme":"canary"}', 'canary,canary']) {
      let refused = '';
      try {
        workerConfig({ [name]: value });
      } catch (thrown) {
        refused = String(thrown);
      }
      expect(refused).not.toContain('canary');
    }
  });

  it.each(['HTTP_REQUEST_ALLOW', 'CALLBACK_ALLOW', 'BAGGAGE_ALLOW'])(
    '%s is refused where it is used',
    async (name) => {
      expect((await refusalOf(() => new AllowList('a', name))).message).toMatch(new RegExp(`^${name}: `));
    },
  );
});

describe('a name that the worker does not read', () => {
  it.each([
    ['WORKER_CONCURENCY', 'WORKER_CONCURRENCY'],
    ['NATS_CREDS', 'NATS_CREDS_FILE'],
    ['CALLBACK_SECRETES', 'CALLBACK_SECRETS'],
    ['HTTP_REQUEST_ALLOWED', 'HTTP_REQUEST_ALLOW'],
    ['TARGET_ADDRESS_ALLOW', 'TARGET_ADDRESSES_ALLOW'],
    ['BAGAGE_ALLOW', 'BAGGAGE_ALLOW'],
    ['OTEL_EXPORTER_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ['OTEL_TRACE_SAMPLER', 'OTEL_TRACES_SAMPLER'],
    ['HELTH_PORT', 'HEALTH_PORT'],
  ])('is warned about with the name that was meant: %s', (name, meant) => {
    expect(workerWarnings({ [name]: 'canary' })).toEqual([
      `${name} is not a setting of the worker, so it changes nothing; did you mean ${meant}?`,
    ]);
  });

  it('stands beside the fault that it may be the reason of', async () => {
    const error = await refusalOf(() => workerConfig({ WORKER_CONCURRENCY: '0', NATS_URI: 'canary' }));
    expect(error.message).toBe(
      'WORKER_CONCURRENCY: must be a whole number from 1 to 10000; ' +
        'NATS_URI is not a setting of the worker, so it changes nothing; did you mean NATS_URL?',
    );
  });

  it.each(['BRIDGE_SHARDS', 'OUTBOX_KEEP', 'THROUGHLINE_TOKEN', 'NATS_CONTEXT', 'OTEL_XYZZY'])(
    'is warned about if it begins like ours: %s',
    (name) => {
      expect(workerWarnings({ [name]: 'canary' })).toEqual([
        expect.stringContaining(`${name} is not a setting of the worker`),
      ]);
    },
  );

  it('is warned about, with the reason, if it is a variable of OpenTelemetry that the worker does not honour', () => {
    expect(workerWarnings({ OTEL_METRIC_EXPORT_TIMEOUT: 'canary', OTEL_LOGS_EXPORTER: 'otlp' })).toEqual([
      'OTEL_METRIC_EXPORT_TIMEOUT changes nothing: `OTEL_EXPORTER_OTLP_METRICS_TIMEOUT` limits an export',
    ]);
  });

  it.each([
    'PATH',
    'HOME',
    'NODE_OPTIONS',
    'NODE_EXTRA_CA_CERTS',
    'XDG_CACHE_HOME',
    'THROUGHLINE_URL',
    'THROUGHLINE_API_KEY',
    'OTEL_RESOURCE_ATTRIBUTES',
    'OTEL_NODE_RESOURCE_DETECTORS',
    'OTEL_NODE_ENABLED_INSTRUMENTATIONS',
    'OTEL_JAVAAGENT_ENABLED',
    'DATABASE_URL',
  ])('is no mistake if others read it: %s', (name) => {
    expect(workerWarnings({ [name]: 'x' })).toEqual([]);
  });
});
