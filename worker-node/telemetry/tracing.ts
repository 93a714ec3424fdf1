import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ThroughlinePropagator } from '../../shared/propagation/index.ts';

export interface TracingOptions {
  readonly serviceName: string;
  /** Where OpenTelemetry's own settings are read: usually `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Prints spans on stderr. */
  readonly debug: boolean;
  /** Patches HTTP, database and cache clients, so that what an operation calls becomes child spans. */
  readonly autoInstrument: boolean;
}

export interface Tracing {
  /** False: every tracer is the API's no-op. */
  readonly on: boolean;
  /** Sends what is left, and stops. */
  readonly shutdown: () => Promise<void>;
}

/**
 * Starts tracing where an OTLP endpoint is set, or `debug` asks for it. Otherwise nothing is loaded and nothing
 * recorded; only the propagator and the context manager are there, since a trace context passes through anyway.
 * Call it before anything that is to be instrumented is imported.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  if (isOn(options)) {
    // The SDK takes a quarter of a second to load: whoever does not trace does not pay for it.
    const { startSdk } = await import('./sdk.ts');
    return { on: true, shutdown: await startSdk(options, exports(options.environment)) };
  }
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new ThroughlinePropagator());
  return { on: false, shutdown: async () => undefined };
}

function isOn({ environment, debug }: TracingOptions): boolean {
  if (environment.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  return debug || exports(environment);
}

function exports(environment: TracingOptions['environment']): boolean {
  return Boolean(environment.OTEL_EXPORTER_OTLP_ENDPOINT || environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}
