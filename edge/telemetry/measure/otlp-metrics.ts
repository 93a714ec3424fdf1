import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { keyValues } from '../../../shared/trace/otlp-json.ts';
import { SERVICE } from '../../../shared/trace/semantics.ts';
import { type MetricsTarget, metricsTarget } from '../../../shared/trace/settings/metrics-settings.ts';
import { VERSION } from '../../../shared/version.ts';
import { postOtlp, zipped } from '../export/post-otlp.ts';
import type { Logger } from '../log.ts';
import { edgeResource } from '../resource.ts';
import type { TelemetrySettings } from '../settings.ts';
import { EDGE_METRICS } from './definitions.ts';
import { counted, type Durations, durationsSoFar } from './request-metrics.ts';

/** OTLP's `AGGREGATION_TEMPORALITY_CUMULATIVE`: a later export repeats what an earlier one lost. */
const CUMULATIVE = 2;

interface Sending {
  readonly target: MetricsTarget | undefined;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly startedAt: number;
  nextAt: number;
}

let sending: Sending | undefined;

/**
 * Sends what this isolate has counted since it started, as OTLP/HTTP JSON, if the interval has passed since the last time. Call this
 * for each request: an isolate has no timers between requests.
 */
export function sendMetrics(
  keeper: Pick<ExecutionContext, 'waitUntil'>,
  settings: TelemetrySettings,
  log: Logger,
): void {
  const now = Date.now();
  sending ??= {
    target: metricsTarget(settings),
    resource: edgeResource(settings).attributes,
    startedAt: now,
    nextAt: now,
  };
  const { target } = sending;
  if (target === undefined || now < sending.nextAt) return;
  sending.nextAt = now + target.intervalMs;
  keeper.waitUntil(send(target, metricsBody(sending, now), log));
}

async function send(target: MetricsTarget, body: unknown, log: Logger): Promise<void> {
  const text = JSON.stringify(body);
  const answer = await postOtlp(target, target.gzip ? await zipped([text]) : text, Date.now);
  const { reason } = answer;
  const line = answer.taken && answer.rejected === 0 ? 'the collector warns' : 'metrics were not taken';
  // The line belongs to no request, although a request runs this code.
  if (reason !== undefined) context.with(ROOT_CONTEXT, () => log.warn(line, { reason }));
}

/** An OTLP `ExportMetricsServiceRequest` in JSON. */
function metricsBody({ resource, startedAt }: Sending, now: number): unknown {
  const times = { startTimeUnixNano: nanoseconds(startedAt), timeUnixNano: nanoseconds(now) };
  const { duration } = EDGE_METRICS;
  const histogram = {
    ...described(duration),
    histogram: {
      aggregationTemporality: CUMULATIVE,
      dataPoints: durationsSoFar().map((one) => ({ ...times, ...histogramPoint(one, duration.buckets) })),
    },
  };
  const sums = counted().map(({ metric, samples }) => ({
    ...described(metric),
    sum: {
      aggregationTemporality: CUMULATIVE,
      isMonotonic: true,
      dataPoints: samples.map(({ labels, value }) => ({
        ...times,
        attributes: keyValues(labels),
        asInt: String(value),
      })),
    },
  }));
  const scopeMetrics = [{ scope: { name: SERVICE.edge, version: VERSION }, metrics: [histogram, ...sums] }];
  return { resourceMetrics: [{ resource: { attributes: keyValues(resource) }, scopeMetrics }] };
}

function described({ name, unit, description }: (typeof EDGE_METRICS)[keyof typeof EDGE_METRICS]) {
  return { name, unit, description };
}

function histogramPoint({ labels, counts, count, sum }: Durations, explicitBounds: readonly number[]) {
  const within = counts.reduce((all, one) => all + one, 0);
  const bucketCounts = [...counts, count - within].map(String);
  return { attributes: keyValues(labels), count: String(count), sum, bucketCounts, explicitBounds };
}

function nanoseconds(ms: number): string {
  return `${ms}000000`;
}
