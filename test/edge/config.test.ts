import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EDGE_SETTING_NAMES, type Env, edgeConfig, edgeSettings } from '../../edge/config.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import { sentenceOf } from '../support/setting-names.ts';
import { refusalOf } from '../unit/support.ts';
import { edgeEnv } from './support/edge-env.ts';

const HASH = 'a'.repeat(64);
const KEYS = JSON.stringify([{ id: 'ci', tenant: 'acme', hash: HASH }]);

const env = (more: Record<string, unknown> = {}): Env => edgeEnv({ API_KEYS: KEYS, ...more });

describe("the edge's settings", () => {
  it('have their defaults', () => {
    expect(edgeConfig(env())).toMatchObject({
      NATS_URL: { servers: ['wss://nats.example'] },
      TRACE_TRUST: 'authenticated',
      BRIDGE_SHARDS: 1,
      INDEX_SHARDS: 1,
      BROKER_TIMEOUT_MS: 4_000,
      MAX_INPUT_BYTES: LIMITS.inputBytes,
      LOG_LEVEL: 'info',
      DEBUG: false,
      OTEL_SDK_DISABLED: false,
      OTEL_EXPORTER_OTLP_HEADERS: {},
      OTEL_TRACES_SAMPLER: 'parentbased_always_on',
      OTEL_TRACES_SAMPLER_ARG: 1,
    });
  });

  it.each(EDGE_SETTING_NAMES)('%s says in our words what it must be, whatever it is bound to', (name) => {
    const values = ['x'.repeat(5_000), '\u0000', ' ', '-1', '1e9', '[]', '[{}]', '{}', 'null', '://', ','];
    for (const value of [...values, 7, true, null, {}, [], ['a']]) {
      expect(sentenceOf(() => edgeConfig(env({ [name]: value })))).toMatch(
        /^$|: (must|has|needs|is needed|contradicts|entry) /,
      );
    }
  });

  it('are read once per set of bindings', () => {
    const bindings = env();
    expect(edgeConfig(bindings)).toBe(edgeConfig(bindings));
    expect(edgeConfig(env())).not.toBe(edgeConfig(bindings));
  });

  it('keep API keys by their id', () => {
    expect([...edgeConfig(env()).API_KEYS]).toEqual([['ci', { id: 'ci', tenant: 'acme', hash: HASH }]]);
    expect(edgeConfig(env({ API_KEYS: '[]' })).API_KEYS.size).toBe(0);
  });

  const keys = (...entries: unknown[]): string => JSON.stringify(entries);
  const entry = { id: 'ci', tenant: 'acme', hash: HASH };
  it.each<[string, unknown]>([
    ['BRIDGE', undefined],
    ['BRIDGE', { class_name: 'Bridge' }],
    ['JOB_INDEX', undefined],
    ['SCHEDULES', undefined],
    ['INDEX_SHARDS', '0'],
    ['INDEX_SHARDS', '257'],
    ['NATS_URL', undefined],
    ['NATS_URL', ''],
    ['NATS_URL', 'nats://nats.example'],
    ['NATS_URL', 'https://nats.example'],
    ['NATS_URL', 'nats.example'],
    ['API_KEYS', undefined],
    ['API_KEYS', ''],
    ['API_KEYS', '{'],
    ['API_KEYS', 'null'],
    ['API_KEYS', '{"id":"ci"}'],
    ['API_KEYS', ['ci']],
    ['API_KEYS', keys(7)],
    ['API_KEYS', keys({ ...entry, id: '' })],
    ['API_KEYS', keys({ ...entry, id: 'a_b' })],
    ['API_KEYS', keys({ ...entry, tenant: '*' })],
    ['API_KEYS', keys({ ...entry, tenant: 'a.b' })],
    ['API_KEYS', keys({ ...entry, tenant: '$JS ' })],
    ['API_KEYS', keys({ ...entry, hash: HASH.toUpperCase() })],
    ['API_KEYS', keys({ ...entry, hash: 'tl_ci_the-key-itself-instead' })],
    ['API_KEYS', keys(entry, { ...entry, tenant: 'globex' })],
    // Without `scopes`, a key may do everything.
    ['API_KEYS', keys({ ...entry, scope: ['jobs:read'] })],
    ['TENANT_QUOTAS', '{"*":{"jobs":1}}'],
    ['TENANT_QUOTAS', '{"acme corp":{"jobs":1}}'],
    ['TENANT_QUOTAS', '[{"jobs":1}]'],
    ['TENANT_QUOTAS', 'null'],
    ['TRACE_TRUST', 'everyone'],
    ['BRIDGE_SHARDS', '0'],
    ['BRIDGE_SHARDS', '257'],
    ['BROKER_TIMEOUT_MS', '99'],
    ['NATS_CREDS', 'a path'],
    ['NATS_PASSWORD', 'without a user'],
    ['MAX_INPUT_BYTES', String(LIMITS.inputBytes + 1)],
    ['LOG_LEVEL', 'loud'],
    ['DEBUG', 'maybe'],
  ])('%s may not be %j, and the answer names it', async (key, value) => {
    const error = await refusalOf(() => edgeConfig(env({ [key]: value })));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(new RegExp(`^${key}: `));
    expect(error.message).not.toContain('\n');
  });

  it('name what API_KEYS has twice', async () => {
    const twice = { API_KEYS: keys(entry, { ...entry, tenant: 'globex' }) };
    expect((await refusalOf(() => edgeConfig(env(twice)))).message).toBe('API_KEYS: has the id ci twice');
    const member = { API_KEYS: keys(entry).replace('"tenant":', '"tenant":"globex","tenant":') };
    expect((await refusalOf(() => edgeConfig(env(member)))).message).toBe('API_KEYS: has /0/tenant twice');
  });

  it('that are JSON may be text, or what wrangler makes of a list or an object among the variables', () => {
    const quotas = { acme: { jobs: 3 } };
    const asText = edgeConfig(env({ TENANT_QUOTAS: JSON.stringify(quotas) }));
    expect(edgeConfig(env({ API_KEYS: [entry], TENANT_QUOTAS: quotas }))).toEqual(asText);
  });

  it('never show their values when they are wrong', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uuid(), async (canary) => {
        const wrong = Object.fromEntries(
          ['NATS_URL', 'TRACE_TRUST', 'BRIDGE_SHARDS', 'LOG_LEVEL', 'DEBUG'].map((key) => [key, canary]),
        );
        const API_KEYS = keys({ id: `${canary}!`, tenant: `${canary}!`, hash: canary, [canary]: canary });
        const error = await refusalOf(() => edgeConfig(env({ ...wrong, API_KEYS })));
        expect(error.message).not.toContain(canary);
      }),
      { numRuns: 20 },
    );
  });

  it.each<[string, unknown]>([
    ['OTEL_SDK_DISABLED', 'maybe'],
    ['OTEL_SDK_DISABLED', '1'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'ftp://collector'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 7],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
    ['OTEL_BSP_SCHEDULE_DELAY', '10000'],
  ])('of OpenTelemetry that are wrong are ignored with a warning: %s=%j', (key, value) => {
    const { config, warnings } = edgeSettings(env({ [key]: value }));
    expect(config).toEqual(edgeConfig(env()));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(new RegExp(`^${key}: .*; the value is ignored$`));
  });

  it('that nobody reads are named, with the name that was meant', () => {
    const bindings = {
      BRIGDE_SHARDS: '4',
      OUTBOX_MAX: '9',
      RATE_LIMTER: { limit: () => undefined },
      OTHER: 'x',
    };
    expect(edgeSettings(env(bindings)).warnings).toEqual([
      'BRIGDE_SHARDS is not a setting of the edge, so it changes nothing; did you mean BRIDGE_SHARDS?',
      'OUTBOX_MAX is not a setting of the edge, so it changes nothing; did you mean OUTBOX_MAX_ROWS?',
      'RATE_LIMTER is not a setting of the edge, so it changes nothing; did you mean RATE_LIMITER?',
      'OTHER is not a setting of the edge, so it changes nothing',
    ]);
  });

  it.each([
    'NATS_USER',
    'NATS_TOKEN',
    'BRIDGE_SHARDS',
    'DEBUG',
    'OTEL_SERVICE_NAME',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'OTEL_EXPORTER_OTLP_HEADERS',
    // "The SDK MUST interpret an empty value of an environment variable the same way as when the variable is unset."
    'OTEL_TRACES_SAMPLER',
    'OTEL_TRACES_SAMPLER_ARG',
    'OTEL_BSP_SCHEDULE_DELAY',
  ] as const)('%s is as good as unset when it is an empty text', (key) => {
    expect(edgeConfig(env({ [key]: '' }))[key]).toEqual(edgeConfig(env())[key]);
  });
});
