import { hostname } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import manifest from '../package.json' with { type: 'json' };
import { ANNOUNCE_MS } from '../shared/api/host-announcement.ts';
import { CALLBACK_SECRET_SETTINGS } from '../shared/callback-secrets.ts';
import { flag, optionalBytes, optionalText, parseConfig, wholeNumber } from '../shared/config.ts';
import { errorFrom } from '../shared/error-table.ts';
import { ThroughlineError } from '../shared/errors.ts';
import { isToken } from '../shared/job/job-address.ts';
import { brokerAddress } from '../shared/nats/broker-address.ts';
import { checkLogin } from '../shared/nats/broker-login.ts';
import { operationFiltersFault, readOperationFilters } from '../shared/nats/consumers/operation-filters.ts';
import { commaList } from '../shared/text/comma-list.ts';
import { isOfService, quotedSettings, unknownSettings } from '../shared/text/setting-names.ts';
import { isOtelSdkName, OTEL_NAMES } from '../shared/trace/settings/otel-names.ts';
import { unhonoured } from '../shared/trace/settings/otel-support.ts';
import { isGroupName } from '../shared/wire/lanes.ts';

/** Settings of the command line that may be in the environment of a worker. */
const CLI_NAMES = [
  'THROUGHLINE_URL',
  'THROUGHLINE_API_KEY',
  'THROUGHLINE_TRACES_URL',
  'THROUGHLINE_TRACES_HEADERS',
  'THROUGHLINE_LOGS_URL',
  'THROUGHLINE_LOGS_HEADERS',
  'THROUGHLINE_CACHE_DIR',
];
const DAY_MS = 24 * 60 * 60 * 1_000;
const LENGTH = 'must have 1 to 128 characters';
const shortText = z.string(LENGTH).min(1, LENGTH).max(128, LENGTH);

/** A stream is slow with more than about 64 consumers. A group has 32, and three more for each of these. */
const MAX_OWN_LANES = 10;

/** Who writes a smaller number means another unit. NATS takes 0 for no limit, and with a few bytes it would refuse every job. */
const streamBytes = optionalBytes(1_000_000);

const OwnLanes = z
  .string()
  .default('')
  .transform((text) => [...new Set(commaList(text))])
  .refine(
    (names) => names.length <= MAX_OWN_LANES && names.every(isToken),
    `must be a comma list of at most ${MAX_OWN_LANES} tenants`,
  );

const Operations = z
  .string()
  .default('>')
  .transform(readOperationFilters)
  .superRefine((filters, context) => {
    const message = operationFiltersFault(filters);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

/** The path of a file, seen from where the worker starts. The code of an operation may go to another folder before it is read. */
const optionalFile = optionalText.transform((file) => (file === undefined ? undefined : path.resolve(file)));

const Settings = z.object({
  NATS_URL: brokerAddress('nats', 'tls', 'ws', 'wss').prefault('nats://127.0.0.1:4222'),
  NATS_USER: optionalText,
  NATS_PASSWORD: optionalText,
  NATS_TOKEN: optionalText,
  NATS_CREDS_FILE: optionalFile,
  WORKER_GROUP: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" or "-"')
    .refine(isGroupName, 'must not hold "-normal-own-", "-high-own-" or "-low-own-"')
    .default('workers'),
  WORKER_OPERATIONS: Operations,
  WORKER_OWN_LANES: OwnLanes,
  WORKER_NAME: shortText.default(`${hostname()}-${process.pid}`),
  WORKER_VERSION: shortText.default(manifest.version),
  WORKER_ANNOUNCE_MS: wholeNumber(100, ANNOUNCE_MS, ANNOUNCE_MS),
  WORKER_CONCURRENCY: wholeNumber(1, 10_000, 10),
  WORKER_ACK_WAIT_MS: wholeNumber(1_000, 3_600_000, 30_000),
  WORKER_MAX_ACK_PENDING: wholeNumber(1, 1_000_000, 1_000_000),
  WORKER_STOP_TIMEOUT_MS: wholeNumber(0, 3_600_000, 20_000),
  WORKER_CANARY: flag(true),
  STREAM_REPLICAS: wholeNumber(1, 5, 1).optional(),
  STREAM_STORE_BYTES: streamBytes,
  STREAM_JOBS_BYTES: streamBytes,
  STREAM_DELAYED_BYTES: streamBytes,
  HEALTH_HOST: z.string().default('127.0.0.1'),
  HEALTH_PORT: wholeNumber(0, 65_535, 8_081),
  HTTP_REQUEST_ALLOW: z.string().default(''),
  CALLBACK_ALLOW: z.string().default(''),
  TARGET_ADDRESSES_ALLOW: z.string().default(''),
  BAGGAGE_ALLOW: z.string().optional(),
  ...CALLBACK_SECRET_SETTINGS,
  CALLBACK_CONCURRENCY: wholeNumber(0, 1_000, 20),
  CALLBACK_TENANT_CONCURRENCY: wholeNumber(1, 1_000, 1).optional(),
  CALLBACK_TIMEOUT_MS: wholeNumber(100, 60_000, 10_000),
  CALLBACK_MAX_ATTEMPTS: wholeNumber(1, 100, 8),
  CALLBACK_RETRY_MIN_MS: wholeNumber(1, DAY_MS, 5_000),
  CALLBACK_RETRY_MAX_MS: wholeNumber(1, DAY_MS, 20 * 60 * 60 * 1_000),
  METRICS_TENANTS: flag(false),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
  DEBUG: flag(false),
});

const CheckedSettings = Settings.check(({ value, issues }) => {
  checkLogin(value, issues);
  if (value.CALLBACK_RETRY_MAX_MS >= value.CALLBACK_RETRY_MIN_MS) return;
  const message = 'must not be less than CALLBACK_RETRY_MIN_MS';
  issues.push({ code: 'custom', path: ['CALLBACK_RETRY_MAX_MS'], message, input: undefined });
});

/** The schemas of a worker's own settings, by their names. */
export const WORKER_SETTINGS: Readonly<Record<string, z.ZodType>> = Settings.shape;

export const WORKER_SETTING_NAMES: readonly string[] = Object.keys(WORKER_SETTINGS);

/** The settings of a worker host, see docs/SETTINGS.md. */
export type WorkerConfig = z.output<typeof Settings>;

/**
 * Validates the worker's settings.
 * @param environment usually `process.env`
 * @throws ThroughlineError `config-invalid`, a sentence per wrong setting
 */
export function workerConfig(environment: Readonly<Record<string, string | undefined>>): WorkerConfig {
  try {
    return parseConfig(CheckedSettings, environment);
  } catch (thrown) {
    // A wrong name may be the reason, and the log that would show it does not exist yet.
    const { code, message } = errorFrom(thrown);
    const hints = [
      ...workerWarnings(environment),
      ...quoteWarnings(environment),
      ...spacedSettings(environment).map(({ sentence }) => sentence),
    ];
    throw new ThroughlineError(code, [message, ...hints].join('; '));
  }
}

/**
 * Finds settings that change nothing: nobody reads their names (`WORKER_CONCURENCY`, the edge's settings), or they are
 * variables of OpenTelemetry that the worker does not honour.
 * @returns a sentence for each
 */
export function workerWarnings(environment: Readonly<Record<string, string | undefined>>): string[] {
  const unknown = unknownSettings(environment, {
    program: 'the worker',
    known: [...WORKER_SETTING_NAMES, ...OTEL_NAMES],
    prefixes: [
      'WORKER_',
      'NATS_',
      'CALLBACK_',
      'HTTP_REQUEST_',
      'TARGET_',
      'OUTBOX_',
      'STREAM_',
      'BRIDGE_',
      'THROUGHLINE_',
      'OTEL_',
    ],
    isForeign: (name, value) => CLI_NAMES.includes(name) || isOtelSdkName(name) || isOfService(name, value),
  });
  return [...unknown, ...unhonoured(environment)];
}

/** A sentence for each setting with quotes around its value, as `docker run --env-file` leaves them. */
export function quoteWarnings(environment: Readonly<Record<string, string | undefined>>): string[] {
  return quotedSettings(environment, WORKER_SETTING_NAMES).map(
    (name) => `${name} has quotes around its value, and they count; an env file of Docker needs none`,
  );
}

/** What nobody sees at the ends of a value: white space, the mark that begins a file of Windows, characters without a width. */
const UNSEEN = /^[\s\u200b-\u200f\u2060\ufeff]|[\s\u200b-\u200f\u2060\ufeff]$/;
/** Settings whose values are used as they are, so that a line end of the file they come from is a part of them. */
const AS_THEY_ARE = ['NATS_USER', 'NATS_PASSWORD', 'NATS_TOKEN', 'NATS_CREDS_FILE'];

/** A setting that begins or ends with white space. */
interface SpacedSetting {
  readonly sentence: string;
  /** Whether the white space is a part of the value. */
  readonly counts: boolean;
}

/** Finds settings that begin or end with what nobody sees, such as the line end of the file of a secret. */
export function spacedSettings(environment: Readonly<Record<string, string | undefined>>): SpacedSetting[] {
  return WORKER_SETTING_NAMES.filter((name) => UNSEEN.test(environment[name] ?? '')).map((name) => ({
    sentence: `${name} begins or ends with white space or a line end, which may be why it does not fit`,
    counts: AS_THEY_ARE.includes(name),
  }));
}
