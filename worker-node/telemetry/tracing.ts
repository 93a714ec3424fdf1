import { type Attributes, context, propagation, type TextMapPropagator } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ThroughlinePropagator } from '../../shared/propagation/index.ts';
import { metricsTarget } from '../../shared/trace/settings/metrics-settings.ts';
import { tracesTarget } from '../../shared/trace/settings/otlp-settings.ts';
import { openToNewerApis } from './api-version.ts';
import { END_MS } from './export/counted-exporter.ts';
import type { LogExport } from './export/logs/log-export.ts';
import { logsTarget } from './export/logs/log-settings.ts';
import { type AllLosses, createLosses } from './export/losses.ts';
import { followExports, followStart } from './export/sdk-log.ts';
import type { MetricReaders } from './metrics.ts';
import { resourceAttributes } from './resource.ts';
import type { TracingOptions } from './sdk.ts';
import { type NodeOtelSettings, readNodeOtelSettings } from './sdk-settings.ts';

/** How long the last lines of the log may take, if the spans have taken all the time of the end. */
const LAST_LINES_MS = 2_000;

/** The tracing of a process, and the export of its metrics and log lines. */
export interface Tracing {
  /** Whether spans are recorded. If not, every tracer is the API's no-op. */
  readonly on: boolean;
  /** What did not reach the collector. */
  readonly losses: AllLosses;
  /** What the spans, metrics and log records of this process say about where they come from. */
  readonly resource: Attributes;
  /** The readers that send metrics; none if they are not sent. */
  readonly metricReaders: () => Promise<MetricReaders>;
  /** Sends the spans that are left, and stops. */
  readonly shutdown: () => Promise<void>;
  /** Sends the lines of the log that are left. Call it last. */
  readonly shutdownLogs: () => Promise<void>;
}

/** What is the same for all signals. */
interface Common {
  readonly options: TracingOptions;
  readonly settings: NodeOtelSettings;
  readonly losses: AllLosses;
  readonly resource: Attributes;
}

/**
 * Starts tracing if an OTLP endpoint is set, or `debug` asks for it, and the export of log lines if the settings ask for it.
 * Otherwise no SDK is loaded and no span is recorded. The propagator and the context manager are always set, since a trace
 * context is passed on in any case. Call this before the modules to instrument are imported.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { environment } = options;
  const { settings, warnings } = readNodeOtelSettings(environment);
  for (const warning of warnings) options.warn(warning);
  const losses = createLosses(options.sayLoss ?? (() => undefined));
  const resource = resourceAttributes(options.serviceName, settings);
  const common = { options, settings, losses, resource };
  followStart(settings.OTEL_LOG_LEVEL, environment, options.warn);
  const stopLogs = await startLogs(common);
  const spans = await startSpans(common);
  followExports(settings.OTEL_LOG_LEVEL);
  openToNewerApis();
  let endsAt = Number.NEGATIVE_INFINITY;
  return {
    on: spans.on,
    losses,
    resource,
    metricReaders: () => createReaders(common),
    shutdown: async () => {
      endsAt = performance.now() + END_MS;
      await spans.shutdown();
      losses.spans.stop();
      losses.metrics.stop();
    },
    // The last lines come after the spans. A collector that has kept the spans waiting gets little more time for them.
    shutdownLogs: () => stopLogs(Math.max(LAST_LINES_MS, endsAt - performance.now())),
  };
}

/** The SDK and the instrumentations take their time to load, so they are loaded only if they are used. */
async function startSpans({
  options,
  settings,
  losses,
  resource,
}: Common): Promise<Pick<Tracing, 'on' | 'shutdown'>> {
  const target = tracesTarget(settings);
  if (!settings.OTEL_SDK_DISABLED && (options.debug || target !== undefined)) {
    const { startSdk } = await import('./sdk.ts');
    const { propagator, shutdown } = await startSdk(options, {
      settings,
      target,
      losses: losses.spans,
      resource,
    });
    setGlobals(propagator);
    return { on: true, shutdown };
  }
  setGlobals(new ThroughlinePropagator());
  return { on: false, shutdown: async () => undefined };
}

function setGlobals(propagator: TextMapPropagator): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(propagator);
}

async function createReaders({ options, settings, losses }: Common): Promise<MetricReaders> {
  const target = metricsTarget(settings);
  if (target === undefined) return () => [];
  const { otlpReader } = await import('./export/metric-reader.ts');
  const { environment } = options;
  return (own) => [otlpReader({ target, losses: losses.metrics, environment, own })];
}

/** @returns a function that sends the lines that are left, and stops */
async function startLogs({ options, settings, losses, resource }: Common): Promise<LogExport['shutdown']> {
  const { lines, environment } = options;
  const target = lines === undefined ? undefined : logsTarget(settings);
  if (target === undefined) {
    lines?.start(undefined);
    return async () => undefined;
  }
  const { startLogExport } = await import('./export/logs/log-export.ts');
  const parts = { target, settings, losses: losses.logs, resource, environment };
  const { send, shutdown } = startLogExport(parts);
  lines?.start(send);
  return shutdown;
}
