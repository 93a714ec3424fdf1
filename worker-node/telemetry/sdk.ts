import { type DiagLogger, DiagLogLevel, diag, type Span } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { samplerOf } from '../../shared/trace/sampler.ts';
import { OTEL_SETTING_NAMES, OTLP_HEADER_NAMES } from '../../shared/trace/settings/otel-settings.ts';
import type { TracesTarget } from '../../shared/trace/settings/otlp-settings.ts';
import { spanLimits } from '../../shared/trace/settings/span-limit-settings.ts';
import { spanLine } from '../../shared/trace/span-line.ts';
import { OutgoingTrace } from './outgoing-trace.ts';
import type { NodeOtelSettings } from './sdk-settings.ts';

/** Attributes that hold a URL or its part after the host, under their present names and the ones before. */
const URL_ATTRIBUTES = ['url.full', 'http.url', 'http.target'];
/** Variables whose values may hold a secret. */
const SECRET_VARIABLES = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  ...OTLP_HEADER_NAMES,
];

export interface TracingOptions {
  readonly serviceName: string;
  /** Holds OpenTelemetry's own settings; usually `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether to print spans on stderr. */
  readonly debug: boolean;
  /** Whether to patch HTTP, database and cache clients, so that an operation's calls become child spans. */
  readonly autoInstrument: boolean;
  /** Whether HTTP requests to a URL carry `tracestate` and `baggage`, and not only `traceparent`. */
  readonly getsBaggage: (url: URL) => boolean;
  /** Takes a sentence about each setting that is ignored. */
  readonly warn: (sentence: string) => void;
}

/**
 * Starts OpenTelemetry's Node SDK with OTLP over HTTP. The SDK reads the resource attributes, limits and
 * certificates from the environment itself, and what it ignores there is warned about.
 * @param target where spans are sent; undefined: they are only printed
 * @returns a function that sends the spans that are left, and stops
 */
export async function startSdk(
  options: TracingOptions,
  settings: NodeOtelSettings,
  target: TracesTarget | undefined,
): Promise<() => Promise<void>> {
  const propagator = new OutgoingTrace(options.getsBaggage);
  const instrumentations = options.autoInstrument ? await loadInstrumentations(propagator) : [];
  // With OTEL_LOG_LEVEL, the SDK sets a logger of its own.
  const hasOwnLogger = Boolean(options.environment.OTEL_LOG_LEVEL);
  if (!hasOwnLogger) diag.setLogger(new WarningLogger(options), DiagLogLevel.WARN);
  const spanProcessors = createProcessors(options, settings, target);
  const sdk = new NodeSDK({
    serviceName: settings.OTEL_SERVICE_NAME ?? options.serviceName,
    sampler: samplerOf(settings.OTEL_TRACES_SAMPLER, settings.OTEL_TRACES_SAMPLER_ARG),
    spanLimits: spanLimits(settings),
    textMapPropagator: propagator,
    spanProcessors,
    // `telemetry/metrics.ts` serves the metrics, and logs go to stdout.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations,
  });
  sdk.start();
  if (!hasOwnLogger) diag.disable();
  return () => sdk.shutdown();
}

function createProcessors(
  { environment, debug }: TracingOptions,
  settings: NodeOtelSettings,
  target: TracesTarget | undefined,
): SpanProcessor[] {
  const printer = debug ? [new StderrSpanProcessor()] : [];
  if (target === undefined) return printer;
  const batches = new BatchSpanProcessor(createExporter(target, environment), {
    maxQueueSize: settings.OTEL_BSP_MAX_QUEUE_SIZE,
    maxExportBatchSize: settings.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    scheduledDelayMillis: settings.OTEL_BSP_SCHEDULE_DELAY,
    exportTimeoutMillis: settings.OTEL_BSP_EXPORT_TIMEOUT,
  });
  return [batches, ...printer];
}

/**
 * Makes the exporter. It would add all headers of the environment by itself, and one that cannot be sent loses all spans. So
 * the environment hides them meanwhile: the target has those that can be sent.
 */
function createExporter(target: TracesTarget, environment: TracingOptions['environment']): OTLPTraceExporter {
  const writable: Record<string, string | undefined> = environment;
  const hidden = OTLP_HEADER_NAMES.map((name) => [name, environment[name]] as const);
  for (const [name] of hidden) delete writable[name];
  try {
    return new OTLPTraceExporter(target);
  } finally {
    for (const [name, value] of hidden) if (value !== undefined) writable[name] = value;
  }
}

/** Instruments Node's http and undici, and the database and cache clients that operations use. */
async function loadInstrumentations({ beforeRequest }: OutgoingTrace): Promise<Instrumentation[]> {
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
      startOutgoingSpanHook: beforeRequest,
    },
    '@opentelemetry/instrumentation-undici': { requestHook: hideQuery, startSpanHook: beforeRequest },
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

/**
 * Passes on the warnings and errors of OpenTelemetry's start. It leaves out those about the settings that we have read
 * ourselves: they are warned about already, and these texts show values.
 */
class WarningLogger implements DiagLogger {
  readonly #options: TracingOptions;

  constructor(options: TracingOptions) {
    this.#options = options;
  }

  warn(message: string): void {
    const { environment, warn } = this.#options;
    const secrets = SECRET_VARIABLES.flatMap((name) => environment[name] || []);
    if (![...OTEL_SETTING_NAMES, ...secrets].some((text) => message.includes(text))) warn(message);
  }

  error(message: string): void {
    this.warn(message);
  }

  info(): void {}

  debug(): void {}

  verbose(): void {}
}
