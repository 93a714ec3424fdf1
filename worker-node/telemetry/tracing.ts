import { type Attributes, context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ThroughlinePropagator } from '../../shared/propagation/index.ts';
import { type MetricsTarget, metricsTarget } from '../../shared/trace/settings/metrics-settings.ts';
import { tracesTarget } from '../../shared/trace/settings/otlp-settings.ts';
import { openToNewerApis } from './api-version.ts';
import { LostSpans } from './lost-spans.ts';
import { resourceAttributes } from './resource.ts';
import type { TracingOptions } from './sdk.ts';
import { readNodeOtelSettings } from './sdk-settings.ts';

export interface Tracing {
  /** Whether spans are recorded. If not, every tracer is the API's no-op. */
  readonly on: boolean;
  /** The spans that did not reach the collector. */
  readonly lost: LostSpans;
  /** What the spans and metrics of this process say about where they come from. */
  readonly resource: Attributes;
  /** Where metrics are sent; undefined if they are not. */
  readonly metrics: MetricsTarget | undefined;
  /** Sends the spans that are left, and stops. */
  readonly shutdown: () => Promise<void>;
}

/**
 * Starts tracing if an OTLP endpoint is set, or `debug` asks for it. Otherwise no SDK is loaded and no span is
 * recorded. The propagator and the context manager are always set, since a trace context is passed on in any case.
 * Call this before the modules to instrument are imported.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { settings, warnings } = readNodeOtelSettings(options.environment);
  for (const warning of warnings) options.warn(warning);
  const target = tracesTarget(settings);
  const metrics = metricsTarget(settings);
  const lost = new LostSpans(options.sayLoss ?? (() => undefined));
  const resource = resourceAttributes(options.serviceName, settings);
  if (!settings.OTEL_SDK_DISABLED && (options.debug || target !== undefined)) {
    // The SDK takes a quarter of a second to load, so it is loaded only if it is used.
    const { startSdk } = await import('./sdk.ts');
    const shutdown = await startSdk(options, { settings, target, lost, resource });
    openToNewerApis();
    return { on: true, lost, resource, metrics, shutdown };
  }
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new ThroughlinePropagator());
  openToNewerApis();
  return { on: false, lost, resource, metrics, shutdown: async () => undefined };
}
