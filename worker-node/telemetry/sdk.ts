import { type Attributes, type Tracer, trace } from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { samplerOf } from '../../shared/trace/sampler.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import { spanLimits } from '../../shared/trace/settings/span-limit-settings.ts';
import { SCHEMA_URL } from '../../shared/trace/tracer.ts';
import { VERSION } from '../../shared/version.ts';
import type { ExportedLines } from './export/logs/exported-lines.ts';
import type { SayLoss } from './export/losses.ts';
import { foundResource } from './export/sdk-resource.ts';
import { processorsOf, type SpanTarget } from './export/span-processors.ts';
import { loadInstrumentations } from './instrumentations.ts';
import { OutgoingTrace } from './outgoing-trace.ts';
import type { EndedSpan } from './spans/light-span.ts';
import type { Moment } from './spans/moment.ts';
import { SpanIds } from './spans/span-ids.ts';
import { useLightSpans } from './spans/start-span.ts';
import { WorkSampler } from './work-sampler.ts';

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
  /** Whether somebody waits for the end of this process: a collector that cannot be reached is not tried again. */
  readonly isBrief?: boolean;
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
interface StartedSdk {
  /** The propagator that the instrumentations need. */
  readonly propagator: OutgoingTrace;
  /** Sends the spans that are left, and stops. */
  readonly shutdown: () => Promise<void>;
}

/** As with an agent that `NODE_OPTIONS` loads, which the operator of OpenTelemetry adds on Kubernetes. */
const NOT_OURS =
  'another OpenTelemetry SDK was started in this process before ours, as by NODE_OPTIONS: the spans are its own, with its service name, its sampler and its endpoint';

/**
 * Starts OpenTelemetry's SDK for spans, with OTLP over HTTP. OpenTelemetry's package `sdk-node` would do the same in twice the
 * time, since it loads every exporter.
 */
export async function startSdk(options: TracingOptions, exporting: Exporting): Promise<StartedSdk> {
  const { settings } = exporting;
  const propagator = new OutgoingTrace(options.getsBaggage);
  if (options.autoInstrument)
    registerInstrumentations({
      instrumentations: await loadInstrumentations(options.environment, propagator),
    });
  const { all: spanProcessors, only } = processorsOf(options, exporting);
  const sampler = new WorkSampler(samplerOf(settings.OTEL_TRACES_SAMPLER, settings.OTEL_TRACES_SAMPLER_ARG));
  const resource = foundResource(exporting.resource, options.environment);
  const limits = spanLimits(settings);
  const ids = new SpanIds();
  const parts = {
    resource,
    sampler,
    idGenerator: ids,
    spanProcessors: [...spanProcessors],
    spanLimits: limits,
  };
  const provider = new TracerProvider(parts);
  const isGlobal = trace.setGlobalTracerProvider(provider);
  if (!isGlobal) options.warn(NOT_OURS);
  if (isGlobal && only !== undefined && leaveRoom(limits)) {
    const tracer = provider.getTracer(SERVICE.worker, VERSION, { schemaUrl: SCHEMA_URL });
    const { instrumentationScope: scope } = tracer as Tracer & { instrumentationScope: InstrumentationScope };
    const origin = { resource, scope };
    const take = (span: EndedSpan, ended: Moment) => only.onLightEnd(span, ended, origin);
    useLightSpans({ sampler, ids, tracer, take });
  }
  const shutdown = async (): Promise<void> => {
    useLightSpans(undefined);
    await provider.shutdown();
  };
  return { propagator, shutdown };
}

/** More than the spans of a job have of their own. */
const ROOM = 64;

/** Whether the limits leave the spans of a job as they are. */
function leaveRoom(limits: ReturnType<typeof spanLimits>): boolean {
  return limits.attributeCountLimit >= ROOM && limits.attributeValueLengthLimit === Number.POSITIVE_INFINITY;
}
