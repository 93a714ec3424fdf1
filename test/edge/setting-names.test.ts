import { describe, expect, it } from 'vitest';
import { unstable_readConfig as readConfig } from 'wrangler';
import { EDGE_SETTING_NAMES, EDGE_SETTINGS, edgeSettings } from '../../edge/config.ts';
import { OTEL_SETTING_NAMES } from '../../shared/trace/settings/otel-settings.ts';
import { type SettingProof, unusedNames } from '../support/setting-names.ts';
import { refusalOf } from '../unit/support.ts';
import { edgeEnv, NAMESPACE } from './support/edge-env.ts';

const KEY = [{ id: 'ci', tenant: 'acme', hash: 'a'.repeat(64) }];
const TOKENS = { JWT_JWKS_URL: 'https://issuer.example/jwks', JWT_ISSUER: 'issuer', JWT_AUDIENCE: 'us' };
const CREDS = ['JWT', 'SEED']
  .map((what) => `-----BEGIN ${what}-----\nabc\n------END ${what}------\n`)
  .join('\n');
const OTHER_OBJECT = { ...NAMESPACE, other: true };
const LIMITER = { limit: async () => ({ success: true }) };

const PROOFS: Readonly<Record<string, SettingProof>> = {
  BRIDGE: { good: OTHER_OBJECT, wrong: 'bridge' },
  JOB_INDEX: { good: OTHER_OBJECT, wrong: { get: () => null } },
  SCHEDULES: { good: OTHER_OBJECT, wrong: { class_name: 'Schedules' } },
  NATS_URL: { good: 'wss://a,wss://b', wrong: 'nats://a' },
  NATS_USER: { good: 'ann', wrong: 7 },
  NATS_PASSWORD: { good: 'pw', with: { NATS_USER: 'ann' }, wrong: 'pw' },
  NATS_TOKEN: { good: 'token', wrong: 7 },
  NATS_CREDS: { good: CREDS, wrong: '/etc/creds' },
  API_KEYS: { good: JSON.stringify(KEY), wrong: '{}' },
  JWT_JWKS_URL: { good: 'https://other.example/jwks', with: TOKENS, wrong: 'http://issuer.example' },
  JWT_ISSUER: { good: 'other', with: TOKENS, wrong: 'alone' },
  JWT_AUDIENCE: { good: 'other', with: TOKENS, wrong: 'alone' },
  JWT_ALGORITHMS: { good: 'ES256', with: TOKENS, wrong: 'none' },
  JWT_TENANT_CLAIM: { good: 'org', with: TOKENS, wrong: 'a b' },
  JWT_SCOPE_CLAIM: { good: 'scp', with: TOKENS, wrong: 'a b' },
  JWT_QUOTAS_CLAIM: { good: 'quotas', with: TOKENS, wrong: 'a b' },
  JWT_TYP: { good: 'at+jwt', with: TOKENS, wrong: 'at jwt' },
  STATUS_ACCESS: { good: 'public', wrong: 'open' },
  CORS_ORIGINS: { good: '*', wrong: 'app.example' },
  RATE_LIMITER: { good: LIMITER, wrong: 'yes' },
  RATE_LIMIT_POLICY: { good: '100;w=60', with: { RATE_LIMITER: LIMITER }, wrong: '100' },
  FAILED_AUTH_PER_MINUTE: { good: '1', wrong: '0' },
  ADDRESS_REQUESTS_PER_SECOND: { good: '1', wrong: '0' },
  TENANT_REQUESTS_PER_SECOND: { good: '1', wrong: '0' },
  TRACE_TRUST: { good: 'all', wrong: 'everyone' },
  BRIDGE_SHARDS: { good: '2', wrong: '0' },
  BRIDGE_PLACEMENT: { good: 'region', wrong: 'near' },
  BRIDGE_LOCATION_HINT: { good: 'weur', wrong: 'paris' },
  INDEX_SHARDS: { good: '2', wrong: '257' },
  ACK_MODE: { good: 'outbox', wrong: 'none' },
  UNSERVED_OPERATIONS: { good: 'refuse', wrong: 'reject' },
  OUTBOX_KEEP: { good: 'ended', wrong: 'ever' },
  OUTBOX_MAX_ROWS: { good: '1', wrong: '0' },
  OUTBOX_MAX_BYTES: { good: '1', wrong: '1GiB' },
  OUTBOX_TENANT_PERCENT: { good: '100', wrong: '101' },
  OUTBOX_REJECTED_MS: { good: '1000', wrong: '7d' },
  BROKER_TIMEOUT_MS: { good: '100', wrong: '4s' },
  BODY_TIMEOUT_MS: { good: '100', wrong: '99' },
  MAX_INPUT_BYTES: { good: '1', wrong: '0' },
  SSE_HEARTBEAT_MS: { good: '100', wrong: '99' },
  WAITS_PER_TENANT: { good: '1', wrong: '0' },
  FAIR_JOBS: { good: '2', wrong: '0' },
  TENANT_MAX_JOBS: { good: '10', wrong: '0' },
  TENANT_MAX_BYTES: { good: '10', wrong: 'x' },
  TENANT_MAX_DELAYED_JOBS: { good: '10', wrong: '-1' },
  TENANT_MAX_DELAYED_BYTES: { good: '10', wrong: '1.5' },
  TENANT_MAX_STORED_BYTES: { good: '10', wrong: '0' },
  SCHEDULES_PER_TENANT: { good: '1', wrong: '0' },
  TENANT_QUOTAS: { good: '{"acme":{"jobs":1}}', wrong: '{"acme":{"job":1}}' },
  EVENT_STREAMS_PER_TENANT: { good: '1', wrong: '0' },
  LOG_LEVEL: { good: 'warn', wrong: 'WARN' },
  TRACE_PROBES: { good: 'true', wrong: 'yes' },
  TRACE_QUEUE_BYTES: { good: '65536', wrong: '1' },
  TRACE_ANONYMOUS_PER_MINUTE: { good: '0', wrong: '-1' },
  TRACE_FORCED_PER_MINUTE: { good: '0', wrong: 'many' },
  DEBUG: { good: 'true', wrong: 'TRUE' },
};

/** The settings of OpenTelemetry. */
const OTEL_PROOFS: Readonly<Record<string, SettingProof>> = {
  OTEL_SDK_DISABLED: { good: 'TRUE', wrong: '1' },
  OTEL_SERVICE_NAME: { good: 'edge-1', wrong: 7 },
  OTEL_RESOURCE_ATTRIBUTES: { good: 'a=1', wrong: 'a' },
  OTEL_TRACES_EXPORTER: { good: 'none', wrong: 'zipkin' },
  OTEL_EXPORTER_OTLP_ENDPOINT: { good: 'http://collector', wrong: 'collector:4318' },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: { good: 'http://collector', wrong: 'ftp://collector' },
  OTEL_EXPORTER_OTLP_HEADERS: { good: 'a=1', wrong: 'a: 1' },
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: { good: 'a=1', wrong: 'a: 1' },
  OTEL_EXPORTER_OTLP_COMPRESSION: { good: 'gzip', wrong: 'zstd' },
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: { good: 'gzip', wrong: 'zstd' },
  OTEL_EXPORTER_OTLP_TIMEOUT: { good: '1', wrong: '0' },
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: { good: '1', wrong: '0' },
  OTEL_EXPORTER_OTLP_PROTOCOL: { good: 'http/json', wrong: 'grpc' },
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: { good: 'HTTP/JSON', wrong: 'http/protobuf' },
  OTEL_PROPAGATORS: { good: 'baggage, tracecontext', wrong: 'b3' },
  OTEL_ATTRIBUTE_COUNT_LIMIT: { good: '1', wrong: '0' },
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: { good: '1', wrong: '0' },
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: { good: '1', wrong: '0' },
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: { good: '1', wrong: '0' },
  OTEL_SPAN_EVENT_COUNT_LIMIT: { good: '1', wrong: '0' },
  OTEL_SPAN_LINK_COUNT_LIMIT: { good: '1', wrong: '0' },
  OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: { good: '1', wrong: '0' },
  OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: { good: '1', wrong: '0' },
  OTEL_METRICS_EXPORTER: {
    good: 'otlp',
    with: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector' },
    wrong: 'prometheus',
  },
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: { good: 'http://collector:4318/m', wrong: 'collector' },
  OTEL_EXPORTER_OTLP_METRICS_HEADERS: { good: 'a=1', wrong: 'a: 1' },
  OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: { good: 'gzip', wrong: 'zstd' },
  OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: { good: '1', wrong: '0' },
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: { good: 'http/json', wrong: 'grpc' },
  OTEL_METRIC_EXPORT_INTERVAL: { good: '1000', wrong: '1' },
  OTEL_TRACES_SAMPLER: { good: 'always_off', wrong: 'jaeger_remote' },
  OTEL_TRACES_SAMPLER_ARG: { good: '0.5', with: { OTEL_TRACES_SAMPLER: 'traceidratio' }, wrong: '2' },
  OTEL_BSP_MAX_QUEUE_SIZE: { good: '1', wrong: '0' },
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: { good: '1', wrong: '0' },
  OTEL_BSP_SCHEDULE_DELAY: { good: '1', wrong: '10000' },
  OTEL_BSP_EXPORT_TIMEOUT: { good: '1', wrong: '20001' },
};
const read = (more: Readonly<Record<string, unknown>>) => edgeSettings(edgeEnv(more));

describe('every binding of the edge', () => {
  it('is proved below, and is used somewhere', async () => {
    expect(Object.keys(PROOFS).sort()).toEqual([...EDGE_SETTING_NAMES].sort());
    expect(Object.keys(OTEL_PROOFS).sort()).toEqual([...OTEL_SETTING_NAMES].sort());
    expect(await unusedNames(EDGE_SETTING_NAMES, '{edge,shared}', 'edge/config.ts')).toEqual([]);
    const otel = Object.keys(OTEL_PROOFS);
    expect(await unusedNames(otel, '{edge,shared}', 'shared/trace/settings/otel-settings.ts')).toEqual(
      // Its one value says what the edge does anyway.
      ['OTEL_PROPAGATORS'],
    );
  });

  it.each(Object.entries(PROOFS))('%s changes what is read, or is refused', async (name, proof) => {
    const others = proof.with ?? {};
    expect(read({ ...others, [name]: proof.good }).config).not.toEqual(read(others).config);
    expect(read({ ...others, [name]: proof.good }).warnings).toEqual([]);
    const error = await refusalOf(() => read({ [name]: proof.wrong }));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it.each(Object.entries(OTEL_PROOFS))('%s changes what is read, or is warned about', (name, proof) => {
    const others = proof.with ?? {};
    expect(read({ ...others, [name]: proof.good }).config).not.toEqual(read(others).config);
    expect(read({ ...others, [name]: proof.good }).warnings).toEqual([]);
    const { config, warnings } = read({ ...others, [name]: proof.wrong });
    expect(config).toEqual(read(others).config);
    expect(warnings).toEqual([expect.stringMatching(new RegExp(`^${name}: .* ignored$`))]);
  });

  it.each([...EDGE_SETTING_NAMES, ...OTEL_SETTING_NAMES])('%s never shows its value', (name) => {
    for (const value of ['canary', 'ws://ann:canary@', '[{"id":"canary"}]', 'canary,canary', ['canary']]) {
      let told: string;
      try {
        told = read({ [name]: value }).warnings.join();
      } catch (thrown) {
        told = String(thrown);
      }
      expect(told).not.toContain('canary');
    }
  });

  it.each([
    ['RATE_LIMIT_POLICY', '100;w=60', 'RATE_LIMITER'],
    ['JWT_ALGORITHMS', 'ES256', 'JWT_JWKS_URL'],
    ['JWT_TENANT_CLAIM', 'org', 'JWT_JWKS_URL'],
    ['JWT_SCOPE_CLAIM', 'scp', 'JWT_JWKS_URL'],
    ['JWT_QUOTAS_CLAIM', 'quotas', 'JWT_JWKS_URL'],
  ])('that needs another one is warned about without it: %s', (name, value, needed) => {
    expect(read({ [name]: value }).warnings).toEqual([`${name} changes nothing without ${needed}`]);
  });
});

it('what the edge needs is in wrangler.toml: without it wrangler refuses to deploy, and names it', () => {
  const needed = EDGE_SETTING_NAMES.filter(
    (name) => EDGE_SETTINGS[name]?.safeParse(undefined).success === false,
  );
  const { secrets, durable_objects } = readConfig({ config: 'wrangler.toml' });
  const bound = durable_objects.bindings.map(({ name }: { name: string }) => name);
  expect([...bound, ...(secrets?.required ?? [])]).toEqual(needed);
});

describe('a binding that the edge does not read', () => {
  it.each(['WORKER_CONCURRENCY', 'NATS_CREDS_FILE', 'OTEL_LOG_LEVEL', 'ANYTHING', 'bridge_shards'])(
    'is warned about: %s',
    (name) => {
      expect(read({ [name]: 'canary' }).warnings).toEqual([
        expect.stringMatching(new RegExp(`^${name} is not a setting of the edge, so it changes nothing`)),
      ]);
    },
  );
});
