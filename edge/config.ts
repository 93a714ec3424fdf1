import * as z from 'zod';
import { optionalText, parseConfig, url, wholeNumber } from '../shared/config.ts';
import { LIMITS } from '../shared/job/limits.ts';
import { accessSettings, checkTokenSettings } from './access/settings.ts';
import type { BridgeApi, JobIndexApi } from './calls/objects.ts';
import { REGIONS } from './calls/placement.ts';
import { telemetrySettings } from './telemetry/settings.ts';

/** The Worker's bindings: settings arrive as text, see the settings table in README.md. */
export interface Env extends Record<string, unknown> {
  readonly BRIDGE: DurableObjectNamespace<BridgeApi>;
  readonly JOB_INDEX: DurableObjectNamespace<JobIndexApi>;
}

const GIB = 1024 ** 3;

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
  ...accessSettings,
  TRACE_TRUST: z
    .enum(['authenticated', 'all', 'none'], 'must be authenticated, all or none')
    .default('authenticated'),
  BRIDGE_SHARDS: wholeNumber(1, 256, 1),
  INDEX_SHARDS: wholeNumber(1, 256, 1),
  BRIDGE_PLACEMENT: z.enum(['global', 'region'], 'must be global or region').default('global'),
  BRIDGE_LOCATION_HINT: z.enum(REGIONS, `must be one of ${REGIONS.join(', ')}`).optional(),
  ACK_MODE: z.enum(['stream', 'outbox'], 'must be stream or outbox').default('stream'),
  OUTBOX_KEEP: z.enum(['published', 'ended'], 'must be published or ended').default('published'),
  OUTBOX_MAX_ROWS: wholeNumber(1, 10_000_000, 100_000),
  OUTBOX_MAX_BYTES: wholeNumber(1, 8 * GIB, GIB),
  BROKER_TIMEOUT_MS: wholeNumber(100, 30_000, 4_000),
  BODY_TIMEOUT_MS: wholeNumber(100, 300_000, 30_000),
  MAX_INPUT_BYTES: wholeNumber(1, LIMITS.inputBytes, LIMITS.inputBytes),
  SSE_HEARTBEAT_MS: wholeNumber(100, 300_000, 15_000),
  EVENT_STREAMS_PER_TENANT: wholeNumber(1, 100_000, 200),
  ...telemetrySettings,
});

const CheckedSettings = Settings.check(({ value, issues }) => checkTokenSettings(value, issues));

export type EdgeConfig = z.output<typeof Settings>;

/** The checked settings of each `env`. An isolate gets few of them, so each is checked once. */
const checkedSettings = new WeakMap<Env, EdgeConfig>();

/**
 * The edge's settings.
 * @throws ThroughlineError `config-invalid`, with a sentence for each wrong setting
 */
export function edgeConfig(env: Env): EdgeConfig {
  const known = checkedSettings.get(env);
  if (known !== undefined) return known;
  const config = parseConfig(CheckedSettings, env);
  checkedSettings.set(env, config);
  return config;
}
