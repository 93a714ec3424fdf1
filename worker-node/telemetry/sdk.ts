import {
  type Attributes,
  DiagConsoleLogger,
  type DiagLogger,
  DiagLogLevel,
  diag,
  type Span,
} from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { samplerOf } from '../../shared/trace/sampler.ts';
import { OTEL_SETTING_NAMES, OTLP_HEADER_NAMES } from '../../shared/trace/settings/otel-settings.ts';
import type { OtlpTarget } from '../../shared/trace/settings/otlp-settings.ts';
import { spanLimits } from '../../shared/trace/settings/span-limit-settings.ts';
import { spanLine } from '../../shared/trace/span-line.ts';
import { SCHEMA_URL } from '../../shared/trace/tracer.ts';
import type { LostSpans, SayLoss } from './lost-spans.ts';
import { OutgoingTrace } from './outgoing-trace.ts';
import { PartialSuccessLogger } from './partial-success-logger.ts';
import type { NodeOtelSettings } from './sdk-settings.ts';
import { CountedBatches } from './span-exporter.ts';
import { WorkSampler } from './work-sampler.ts';

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
  /** Is told of spans that were lost. */
  readonly sayLoss?: SayLoss;
}

/** What is sent, and where. */
interface Exporting {
  readonly settings: NodeOtelSettings;
  /** Where spans are sent; undefined: they are only printed. */
  readonly target: OtlpTarget | undefined;
  readonly lost: LostSpans;
  readonly resource: Attributes;
}

/**
 * Starts OpenTelemetry's Node SDK with OTLP over HTTP. The SDK reads the limits and certificates from the environment itself,
 * and what it ignores there is warned about.
 * @returns a function that sends the spans that are left, and stops
 */
export async function startSdk(options: TracingOptions, exporting: Exporting): Promise<() => Promise<void>> {
  const { settings, lost } = exporting;
  const propagator = new OutgoingTrace(options.getsBaggage);
  const instrumentations = options.autoInstrument ? await loadInstrumentations(propagator) : [];
  // With OTEL_LOG_LEVEL, the SDK sets a logger of its own.
  const level = options.environment.OTEL_LOG_LEVEL;
  if (!level) diag.setLogger(new WarningLogger(options), DiagLogLevel.WARN);
  const spanProcessors = createProcessors(options, exporting);
  const sampler = samplerOf(settings.OTEL_TRACES_SAMPLER, settings.OTEL_TRACES_SAMPLER_ARG);
  const sdk = new NodeSDK({
    resource: defaultResource().merge(resourceFromAttributes(exporting.resource, { schemaUrl: SCHEMA_URL })),
    spanLimits: spanLimits(settings),
    sampler: new WorkSampler(sampler),
    textMapPropagator: propagator,
    spanProcessors,
    // `telemetry/metrics.ts` serves the metrics, and logs go to stdout.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations,
  });
  sdk.start();
  followExports(lost, settings.OTEL_LOG_LEVEL);
  return async () => {
    await sdk.shutdown();
    lost.stop();
  };
}

/** From here on, the library's log is only for what it says about exports, unless `OTEL_LOG_LEVEL` asks for it. */
function followExports(lost: LostSpans, level: string | undefined): void {
  const logLevel = DiagLogLevel[(level?.toUpperCase() ?? '') as keyof typeof DiagLogLevel];
  const hasConsole = logLevel !== undefined && logLevel >= DiagLogLevel.WARN;
  diag.setLogger(new PartialSuccessLogger(lost, hasConsole ? new DiagConsoleLogger() : undefined), {
    logLevel: hasConsole ? logLevel : DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
}

function createProcessors(
  { environment, debug }: TracingOptions,
  { settings, target, lost }: Exporting,
): SpanProcessor[] {
  const printer = debug ? [new StderrSpanProcessor()] : [];
  if (target === undefined) return printer;
  return [new CountedBatches(target, settings, { lost, environment }), ...printer];
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
