import { hostname } from 'node:os';
import * as z from 'zod';
import { flag, optionalText, parseConfig, url, wholeNumber } from '../shared/config.ts';
import { callbackSettings } from './callbacks/settings.ts';

const Settings = z.object({
  NATS_URL: url('nats', 'tls', 'ws', 'wss').default('nats://127.0.0.1:4222'),
  NATS_USER: optionalText,
  NATS_PASSWORD: optionalText,
  NATS_TOKEN: optionalText,
  NATS_CREDS_FILE: optionalText,
  WORKER_GROUP: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" or "-"')
    .default('workers'),
  WORKER_OPERATIONS: z.string().min(1, 'must be an operation, a prefix such as image.>, or >').default('>'),
  WORKER_NAME: z.string().min(1).max(128).default(`${hostname()}-${process.pid}`),
  WORKER_CONCURRENCY: wholeNumber(1, 10_000, 10),
  WORKER_ACK_WAIT_MS: wholeNumber(1_000, 3_600_000, 30_000),
  WORKER_MAX_ACK_PENDING: wholeNumber(1, 1_000_000, 1_000),
  WORKER_STOP_TIMEOUT_MS: wholeNumber(0, 3_600_000, 20_000),
  STREAM_REPLICAS: wholeNumber(1, 5, 1).optional(),
  HEALTH_HOST: z.string().default('127.0.0.1'),
  HEALTH_PORT: wholeNumber(0, 65_535, 8_081),
  HTTP_REQUEST_ALLOW: z.string().default(''),
  ...callbackSettings,
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
  DEBUG: flag(false),
});

/** The worker host's settings, see the table in README.md. */
export type WorkerConfig = z.output<typeof Settings>;

/**
 * Validates the worker's settings.
 * @param environment usually `process.env`
 * @throws ThroughlineError `config-invalid`, a sentence per wrong setting
 */
export function workerConfig(environment: Readonly<Record<string, string | undefined>>): WorkerConfig {
  return parseConfig(Settings, environment);
}
