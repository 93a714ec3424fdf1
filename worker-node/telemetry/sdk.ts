import type { Span } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { ThroughlinePropagator } from '../../shared/propagation/index.ts';
import { spanLine } from '../../shared/trace/span-line.ts';

/** Shorter than the specification's 5 s: people look at a trace while its job runs, and want its newest part. */
const EXPORT_DELAY_MS = 500;
/** Attributes that hold a URL or its part after the host, under their present names and the ones before. */
const URL_ATTRIBUTES = ['url.full', 'http.url', 'http.target'];

export interface TracingOptions {
  readonly serviceName: string;
  /** Holds OpenTelemetry's own settings; usually `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether to print spans on stderr. */
  readonly debug: boolean;
  /** Whether to patch HTTP, database and cache clients, so that an operation's calls become child spans. */
  readonly autoInstrument: boolean;
}

/**
 * Starts OpenTelemetry's Node SDK with OTLP over HTTP. The SDK reads the endpoint, headers, sampler and limits
 * from its own environment variables.
 * @returns a function that sends the spans that are left, and stops
 */
export async function startSdk(options: TracingOptions, exportSpans: boolean): Promise<() => Promise<void>> {
  const spanProcessors: SpanProcessor[] = [];
  if (exportSpans) {
    const delay = options.environment.OTEL_BSP_SCHEDULE_DELAY
      ? {}
      : { scheduledDelayMillis: EXPORT_DELAY_MS };
    spanProcessors.push(new BatchSpanProcessor(new OTLPTraceExporter(), delay));
  }
  if (options.debug) spanProcessors.push(new StderrSpanProcessor());
  const sdk = new NodeSDK({
    serviceName: options.environment.OTEL_SERVICE_NAME || options.serviceName,
    textMapPropagator: new ThroughlinePropagator(),
    spanProcessors,
    // `telemetry/metrics.ts` serves the metrics, and logs go to stdout.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: options.autoInstrument ? await instrumentations() : [],
  });
  sdk.start();
  return () => sdk.shutdown();
}

/** Instruments Node's http and undici, and the database and cache clients that operations use. */
async function instrumentations(): Promise<Instrumentation[]> {
  const [{ getNodeAutoInstrumentations }, { register, supportsSyncHooks }] = await Promise.all([
    import('@opentelemetry/auto-instrumentations-node'),
    import('import-in-the-middle/register-hooks.mjs'),
  ]);
  // ES modules can be patched only through loader hooks.
  if (supportsSyncHooks()) register();
  return getNodeAutoInstrumentations({
    // Our own log lines carry the ids already.
    '@opentelemetry/instrumentation-pino': { enabled: false },
    // Health checks belong to no trace.
    '@opentelemetry/instrumentation-http': {
      disableIncomingRequestInstrumentation: true,
      requestHook: hideQuery,
    },
    '@opentelemetry/instrumentation-undici': { requestHook: hideQuery },
  });
}

/** Removes the query from the URL of a client span, since many services take a token there. A hook of instrumentations. */
function hideQuery(span: Span): void {
  const { attributes } = span as { readonly attributes?: Readonly<Record<string, unknown>> };
  for (const name of URL_ATTRIBUTES) {
    const url = attributes?.[name];
    if (typeof url === 'string') span.setAttribute(name, url.replace(/\?.*$/s, ''));
  }
  if (attributes?.['url.query'] !== undefined) span.setAttribute('url.query', '');
}

/** Prints each ended span as one line on stderr: `--debug`. */
class StderrSpanProcessor implements SpanProcessor {
  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    process.stderr.write(`${spanLine(span)}\n`);
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
