import { type Attributes, type Span, trace } from '@opentelemetry/api';
import { type Instrumentation, registerInstrumentations } from '@opentelemetry/instrumentation';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { samplerOf } from '../../shared/trace/sampler.ts';
import { spanLimits } from '../../shared/trace/settings/span-limit-settings.ts';
import type { ExportedLines } from './export/exported-lines.ts';
import type { SayLoss } from './export/losses.ts';
import { foundResource } from './export/sdk-resource.ts';
import { processorsOf, type SpanTarget } from './export/span-processors.ts';
import { OutgoingTrace } from './outgoing-trace.ts';
import { WorkSampler } from './work-sampler.ts';

/** Attributes that hold a URL or its part after the host, under their present names and the ones before. */
const URL_ATTRIBUTES = ['url.full', 'http.url', 'http.target'];

/** Modules that nobody patches. Each of its many files would be loaded through a second one. */
const NOT_PATCHED = [/\/node_modules\/zod\//];

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
  /** Is told of what was lost on its way to the collector. */
  readonly sayLoss?: SayLoss;
  /** The lines of the log, which are sent if the settings say so. */
  readonly lines?: ExportedLines;
}

/** What is sent, and where. */
interface Exporting extends SpanTarget {
  readonly resource: Attributes;
}

/** What records spans. */
export interface StartedSdk {
  /** The propagator that the instrumentations need. */
  readonly propagator: OutgoingTrace;
  /** Sends the spans that are left, and stops. */
  readonly shutdown: () => Promise<void>;
}

/**
 * Starts OpenTelemetry's SDK for spans, with OTLP over HTTP. OpenTelemetry's package `sdk-node` would do the same in twice the
 * time, since it loads every exporter.
 */
export async function startSdk(options: TracingOptions, exporting: Exporting): Promise<StartedSdk> {
  const { settings } = exporting;
  const propagator = new OutgoingTrace(options.getsBaggage);
  if (options.autoInstrument)
    registerInstrumentations({ instrumentations: await loadInstrumentations(propagator) });
  const spanProcessors = processorsOf(options, exporting);
  const sampler = samplerOf(settings.OTEL_TRACES_SAMPLER, settings.OTEL_TRACES_SAMPLER_ARG);
  const provider = new TracerProvider({
    resource: foundResource(exporting.resource, options.environment),
    spanLimits: spanLimits(settings),
    sampler: new WorkSampler(sampler),
    spanProcessors,
  });
  trace.setGlobalTracerProvider(provider);
  return { propagator, shutdown: () => provider.shutdown() };
}

/** Instruments Node's http and undici, and the database and cache clients that operations use. */
async function loadInstrumentations({ beforeRequest }: OutgoingTrace): Promise<Instrumentation[]> {
  const [{ getNodeAutoInstrumentations }, { register, supportsSyncHooks }] = await Promise.all([
    import('@opentelemetry/auto-instrumentations-node'),
    import('import-in-the-middle/register-hooks.mjs'),
  ]);
  // ES modules can be patched only through loader hooks.
  if (supportsSyncHooks()) register({ exclude: NOT_PATCHED });
  return getNodeAutoInstrumentations({
    // Our own log lines carry the ids already.
    '@opentelemetry/instrumentation-pino': { enabled: false },
    // It measures each garbage collection, and no meter takes it: `measure/runtime.ts` has the metrics of the process.
    '@opentelemetry/instrumentation-runtime-node': { enabled: false },
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
