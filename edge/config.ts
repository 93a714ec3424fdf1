import * as z from 'zod';
import { Quotas } from '../shared/api/usage.ts';
import { optionalText, optionalWhole, parseConfig, tenantMap, wholeNumber } from '../shared/config.ts';
import { LIMITS } from '../shared/job/limits.ts';
import { brokerAddress } from '../shared/nats/broker-address.ts';
import { checkLogin, readCredentials } from '../shared/nats/broker-login.ts';
import { type SettingNames, unknownSettings } from '../shared/text/setting-names.ts';
import {
  OTEL_SETTING_NAMES,
  type OtelSettings,
  readOtelSettings,
} from '../shared/trace/settings/otel-settings.ts';
import { accessSettings, checkTokenSettings } from './access/settings.ts';
import type { BridgeApi, JobIndexApi, SchedulesApi } from './calls/objects.ts';
import { REGIONS } from './calls/placement.ts';
import { BATCH_DEFAULTS, telemetrySettings } from './telemetry/settings.ts';

/** The Worker's bindings: settings arrive as text, see docs/SETTINGS.md. */
export interface Env extends Record<string, unknown> {
  readonly BRIDGE: DurableObjectNamespace<BridgeApi>;
  readonly JOB_INDEX: DurableObjectNamespace<JobIndexApi>;
  readonly SCHEDULES: DurableObjectNamespace<SchedulesApi>;
}

const GIB = 1024 ** 3;
const DAY_MS = 24 * 60 * 60 * 1_000;

function durableObject<Namespace>(className: string): z.ZodType<Namespace, Namespace> {
  return z.custom<Namespace>(
    (value) => typeof (value as Partial<DurableObjectNamespace> | null)?.getByName === 'function',
    `must be bound to the ${className} class, as wrangler.toml does`,
  );
}

/** A quota that is not known is refused: nobody would notice that it changes nothing. */
const OneTenant = z.strictObject(Quotas.shape).partial();

const TenantQuotas = tenantMap(
  'must be a JSON object such as {"acme":{"jobs":1000}}',
  (value) => OneTenant.safeParse(value).data,
);

const Settings = z.object({
  BRIDGE: durableObject<Env['BRIDGE']>('Bridge'),
  JOB_INDEX: durableObject<Env['JOB_INDEX']>('JobIndex'),
  SCHEDULES: durableObject<Env['SCHEDULES']>('Schedules'),
  NATS_URL: brokerAddress('ws', 'wss'),
  NATS_USER: optionalText,
  NATS_PASSWORD: optionalText,
  NATS_TOKEN: optionalText,
  NATS_CREDS: optionalText.refine(
    (text) => text === undefined || readCredentials(text) !== undefined,
    'must be the text of a credentials file: a JWT and a seed',
  ),
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
  UNSERVED_OPERATIONS: z.enum(['accept', 'refuse'], 'must be accept or refuse').default('accept'),
  OUTBOX_MAX_ROWS: wholeNumber(1, 10_000_000, 100_000),
  OUTBOX_MAX_BYTES: wholeNumber(1, 8 * GIB, GIB),
  OUTBOX_TENANT_PERCENT: wholeNumber(1, 100, 50),
  OUTBOX_REJECTED_MS: wholeNumber(1_000, 365 * DAY_MS, 7 * DAY_MS),
  FAIR_JOBS: wholeNumber(1, 1_000_000, 4),
  TENANT_MAX_JOBS: wholeNumber(1, 100_000_000, 250_000),
  TENANT_MAX_BYTES: wholeNumber(1, 1024 * GIB, GIB),
  TENANT_MAX_DELAYED_JOBS: wholeNumber(1, 100_000_000, 50_000),
  TENANT_MAX_DELAYED_BYTES: wholeNumber(1, 1024 * GIB, GIB / 16),
  TENANT_MAX_STORED_BYTES: optionalWhole(1, 1024 * GIB),
  SCHEDULES_PER_TENANT: wholeNumber(1, 10_000, 100),
  TENANT_REQUESTS_PER_SECOND: wholeNumber(1, 1_000_000, 2_000),
  TENANT_QUOTAS: TenantQuotas,
  BROKER_TIMEOUT_MS: wholeNumber(100, 30_000, 4_000),
  BODY_TIMEOUT_MS: wholeNumber(100, 300_000, 30_000),
  MAX_INPUT_BYTES: wholeNumber(1, LIMITS.inputBytes, LIMITS.inputBytes),
  SSE_HEARTBEAT_MS: wholeNumber(100, 300_000, 15_000),
  EVENT_STREAMS_PER_TENANT: wholeNumber(1, 100_000, 200),
  WAITS_PER_TENANT: wholeNumber(1, 100_000, 200),
  ...telemetrySettings,
});

const CheckedSettings = Settings.check(({ value, issues }) => {
  checkTokenSettings(value, issues);
  checkLogin(value, issues);
});

/** The schemas of the edge's bindings, by their names, without those of OpenTelemetry. */
export const EDGE_SETTINGS: Readonly<Record<string, z.ZodType>> = Settings.shape;

export const EDGE_SETTING_NAMES: readonly string[] = Object.keys(EDGE_SETTINGS);

/** Bindings belong to this Worker alone, so each one that it does not read is a mistake. */
const NAMES: SettingNames = {
  program: 'the edge',
  known: [...EDGE_SETTING_NAMES, ...OTEL_SETTING_NAMES],
  prefixes: [''],
  isForeign: () => false,
};

/** Whether the name of a binding is one of ours, or is nearly one of ours and was probably meant to be. */
export function isOwnSetting(name: string): boolean {
  return (
    NAMES.known.includes(name) || unknownSettings({ [name]: true }, { ...NAMES, prefixes: [] }).length > 0
  );
}

/** Settings that change nothing unless another one is set: that setting, by the name of the first. */
const NEEDS: Readonly<Record<string, keyof typeof Settings.shape>> = {
  RATE_LIMIT_POLICY: 'RATE_LIMITER',
  JWT_ALGORITHMS: 'JWT_JWKS_URL',
  JWT_TENANT_CLAIM: 'JWT_JWKS_URL',
  JWT_SCOPE_CLAIM: 'JWT_JWKS_URL',
  JWT_QUOTAS_CLAIM: 'JWT_JWKS_URL',
  JWT_TYP: 'JWT_JWKS_URL',
};

export type EdgeConfig = z.output<typeof Settings> & OtelSettings;

/** What the bindings say. */
export interface EdgeSettings {
  readonly config: EdgeConfig;
  /** A sentence about each binding that changes nothing, for the log. */
  readonly warnings: readonly string[];
}

/** The checked settings of each `env`. An isolate gets few of them, so each is checked once. */
const checkedSettings = new WeakMap<Env, EdgeSettings>();

/**
 * Reads and checks the bindings.
 * @throws ThroughlineError `config-invalid`, with a sentence for each wrong setting
 */
export function edgeSettings(env: Env): EdgeSettings {
  const known = checkedSettings.get(env);
  if (known !== undefined) return known;
  const config = parseConfig(CheckedSettings, env);
  const { settings, warnings } = readOtelSettings(env, BATCH_DEFAULTS);
  const read = {
    config: { ...config, ...settings },
    warnings: [...warnings, ...bindingWarnings(env)],
  };
  checkedSettings.set(env, read);
  return read;
}

/** The edge's settings. @throws ThroughlineError `config-invalid`, with a sentence for each wrong setting */
export function edgeConfig(env: Env): EdgeConfig {
  return edgeSettings(env).config;
}

/** Finds bindings that change nothing. It works also if other bindings are wrong. @returns a sentence for each */
export function bindingWarnings(env: Env): string[] {
  const unused = Object.entries(NEEDS)
    .filter(([name, needed]) => env[name] && !env[needed])
    .map(([name, needed]) => `${name} changes nothing without ${needed}`);
  return [...unknownSettings(env, NAMES), ...unused];
}
