import * as z from 'zod';
import { flag, wholeNumber } from '../../shared/config.ts';
import type { BatchDefaults, OtelSettings } from '../../shared/trace/settings/otel-settings.ts';

const KIB = 1024;

/** Our own settings for spans and log lines. Those of OpenTelemetry are in `shared/trace/settings/otel-settings.ts`. */
export const telemetrySettings = {
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
  DEBUG: flag(false),
  TRACE_PROBES: flag(false),
  TRACE_QUEUE_BYTES: wholeNumber(64 * KIB, 64 * KIB * KIB, 4 * KIB * KIB),
  TRACE_ANONYMOUS_PER_MINUTE: wholeNumber(0, 1_000_000, 600),
  TRACE_FORCED_PER_MINUTE: wholeNumber(0, 1_000_000, 6_000),
};

/** The defaults and bounds for exports. An export runs in the `waitUntil` of a request, which the platform cuts off after a while. */
export const BATCH_DEFAULTS: BatchDefaults = {
  maxQueueSize: 4_096,
  maxBatchSize: 512,
  scheduleDelayMs: { fallback: 50, max: 5_000 },
  exportTimeoutMs: { fallback: 20_000, max: 20_000 },
};

const Settings = z.object(telemetrySettings);

/** The settings of this room, checked. */
export type TelemetrySettings = z.output<typeof Settings> & OtelSettings;
