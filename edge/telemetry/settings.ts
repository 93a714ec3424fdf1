import * as z from 'zod';
import { flag } from '../../shared/config.ts';
import type { BatchDefaults, OtelSettings } from '../../shared/trace/otel-settings.ts';

/** Our own settings for spans and log lines. Those of OpenTelemetry are in `shared/trace/otel-settings.ts`. */
export const telemetrySettings = {
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
  DEBUG: flag(false),
};

/** The delay is spent inside the `waitUntil` of a request, which the platform cuts off after a while. */
export const BATCH_DEFAULTS: BatchDefaults = {
  maxQueueSize: 4_096,
  scheduleDelayMs: { fallback: 50, max: 5_000 },
};

const Settings = z.object(telemetrySettings);

/** The settings of this room, checked. */
export type TelemetrySettings = z.output<typeof Settings> & OtelSettings;
