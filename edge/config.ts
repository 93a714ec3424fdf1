import * as z from 'zod';
import { ACCESS_SCOPES } from '../shared/api/access-scope.ts';
import { type ApiKeyEntry, isApiKeyId } from '../shared/api/api-key.ts';
import { flag, optionalText, parseConfig, url, wholeNumber } from '../shared/config.ts';
import { LIMITS } from '../shared/job/job.ts';
import { parseJson } from '../shared/text/json.ts';
import { isToken } from '../shared/wire/subjects.ts';
import { accessSettings, checkTokenSettings } from './access/settings.ts';
import type { Bridge } from './bridge/bridge.ts';
import { REGIONS } from './calls/region.ts';
import type { JobIndex } from './job-index/job-index.ts';
import { parseOtlpHeaders, SAMPLERS } from './telemetry/settings.ts';

/** The Worker's bindings: settings arrive as text, see the settings table in README.md. */
export interface Env extends Record<string, unknown> {
  readonly BRIDGE: DurableObjectNamespace<Bridge>;
  readonly JOB_INDEX: DurableObjectNamespace<JobIndex>;
}

const GIB = 1024 ** 3;

const apiKeys = z
  .string('must be a JSON list of {"id","tenant","hash"}')
  .transform((text, context): ReadonlyMap<string, ApiKeyEntry> => {
    const entries = ApiKeyList.safeParse(parseJson(text));
    if (entries.success) return new Map(entries.data.map((entry) => [entry.id, entry]));
    const [issue] = entries.error.issues;
    context.addIssue({
      code: 'custom',
      message: `must be a JSON list of {"id","tenant","hash"}: ${issue?.path.join('.') || 'it'} ${issue?.message}`,
    });
    return z.NEVER;
  });

const ApiKeyList = z
  .array(
    z.object({
      id: z.string().refine(isApiKeyId, 'must be 1 to 32 letters and digits'),
      tenant: z.string().refine(isToken, 'must be 1 to 64 letters, digits, "_" or "-"'),
      hash: z.string().regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of the key, 64 lowercase hex digits'),
      scopes: z.array(z.enum(ACCESS_SCOPES, `must be one of ${ACCESS_SCOPES.join(', ')}`)).optional(),
    }),
    'is not a list',
  )
  .refine((entries) => new Set(entries.map(({ id }) => id)).size === entries.length, 'has an id twice');

function durableObject<Namespace>(className: string): z.ZodType<Namespace, Namespace> {
  return z.custom<Namespace>(
    (value) => typeof value === 'object' && value !== null,
    `must be bound to the ${className} class, as wrangler.toml does`,
  );
}

const Settings = z.object({
  BRIDGE: durableObject<Env['BRIDGE']>('Bridge'),
  JOB_INDEX: durableObject<Env['JOB_INDEX']>('JobIndex'),
  NATS_URL: url('ws', 'wss'),
  NATS_USER: optionalText,
  NATS_PASSWORD: optionalText,
  NATS_TOKEN: optionalText,
  NATS_CREDS: optionalText,
  API_KEYS: apiKeys,
  ...accessSettings,
  TRACE_TRUST: z
    .enum(['authenticated', 'all', 'none'], 'must be authenticated, all or none')
    .default('authenticated'),
  BRIDGE_SHARDS: wholeNumber(1, 256, 1),
  INDEX_SHARDS: wholeNumber(1, 256, 1),
  BRIDGE_PLACEMENT: z.enum(['global', 'region'], 'must be global or region').default('global'),
  BRIDGE_LOCATION_HINT: z.enum(REGIONS, `must be one of ${REGIONS.join(', ')}`).optional(),
  ACK_MODE: z.enum(['stream', 'edge'], 'must be stream or edge').default('stream'),
  OUTBOX_KEEP: z.enum(['published', 'settled'], 'must be published or settled').default('published'),
  OUTBOX_MAX_ROWS: wholeNumber(1, 10_000_000, 100_000),
  OUTBOX_MAX_BYTES: wholeNumber(1, 8 * GIB, GIB),
  BROKER_TIMEOUT_MS: wholeNumber(100, 30_000, 4_000),
  BODY_TIMEOUT_MS: wholeNumber(100, 300_000, 30_000),
  MAX_INPUT_BYTES: wholeNumber(1, LIMITS.inputBytes, LIMITS.inputBytes),
  SSE_HEARTBEAT_MS: wholeNumber(100, 300_000, 15_000),
  EVENT_STREAMS_PER_TENANT: wholeNumber(1, 100_000, 200),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
  DEBUG: flag(false),
  OTEL_SDK_DISABLED: flag(false),
  OTEL_SERVICE_NAME: optionalText,
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https').optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url('http', 'https').optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z.string().default('').transform(parseOtlpHeaders),
  OTEL_TRACES_SAMPLER: z
    .enum(SAMPLERS, `must be one of ${SAMPLERS.join(', ')}`)
    .default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number('must be a number from 0 to 1').min(0).max(1).default(1),
  OTEL_BSP_MAX_QUEUE_SIZE: wholeNumber(1, 100_000, 4_096),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: wholeNumber(1, 10_000, 512),
  OTEL_BSP_SCHEDULE_DELAY: wholeNumber(1, 5_000, 50),
});

const CheckedSettings = Settings.check(({ value, issues }) => checkTokenSettings(value, issues));

export type EdgeConfig = z.output<typeof Settings>;

const parsed = new WeakMap<object, EdgeConfig>();

/**
 * The edge's settings, validated once per isolate.
 * @throws ThroughlineError `config-invalid`, a sentence per wrong setting
 */
export function edgeConfig(env: Env): EdgeConfig {
  const known = parsed.get(env);
  if (known !== undefined) return known;
  const config = parseConfig(CheckedSettings, env);
  parsed.set(env, config);
  return config;
}
