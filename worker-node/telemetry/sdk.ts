import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { ThroughlinePropagator } from '../../shared/propagation/index.ts';
import { hideQuery } from './hide-query.ts';
import { StderrSpanProcessor } from './stderr-span-processor.ts';
import type { TracingOptions } from './tracing.ts';

/** A trace is looked at while its job runs; the specification's 5 s would hide the newest part. */
const EXPORT_DELAY_MS = 500;

/**
 * Starts OpenTelemetry's Node SDK with OTLP over HTTP; endpoint, headers, sampler and limits come from its own
 * environment variables.
 * @returns a function that sends what is left and stops
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
    // Metrics have a reader of their own, and logs go to stdout.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: options.autoInstrument ? await instrumentations() : [],
  });
  sdk.start();
  return () => sdk.shutdown();
}

/** Node's own http, undici, and the database and cache clients of an operation; ES modules through loader hooks. */
async function instrumentations(): Promise<Instrumentation[]> {
  const [{ getNodeAutoInstrumentations }, { register, supportsSyncHooks }] = await Promise.all([
    import('@opentelemetry/auto-instrumentations-node'),
    import('import-in-the-middle/register-hooks.mjs'),
  ]);
  if (supportsSyncHooks()) register();
  return getNodeAutoInstrumentations({
    // Our pino lines carry the ids already.
    '@opentelemetry/instrumentation-pino': { enabled: false },
    // The worker's own health checks are no part of any trace.
    '@opentelemetry/instrumentation-http': {
      disableIncomingRequestInstrumentation: true,
      requestHook: hideQuery,
    },
    '@opentelemetry/instrumentation-undici': { requestHook: hideQuery },
  });
}
