import type { ErrorCode } from '../../../shared/errors.ts';
import { EDGE_METRICS } from './definitions.ts';
import { type Labels, metricText, type Sample } from './exposition.ts';

/** How long answers with the same labels took. */
export interface Durations {
  readonly labels: Labels;
  /** For each bucket, how many requests took longer than the bucket before allows, but not longer than this one. */
  readonly counts: number[];
  count: number;
  sum: number;
}

const { duration, refusals, contexts } = EDGE_METRICS;
type Hop = (typeof contexts.attributes.hop)[number];
type ContextOutcome = (typeof contexts.attributes.outcome)[number];

const durations = new Map<string, Durations>();
const refused = new Map<string, number>(refusals.attributes.code.map((code) => [code, 0]));
const read = new Map<string, number>(
  contexts.attributes.hop.flatMap((hop) =>
    contexts.attributes.outcome.map((outcome) => [`${hop} ${outcome}`, 0]),
  ),
);
// The caller of a bridge is the edge.
read.delete('bridge untrusted');

/** Counts an answer. @param seconds from the request to the beginning of the answer */
export function countAnswer(method: string, route: string, status: number, seconds: number): void {
  const key = `${method} ${route} ${status}`;
  const found = durations.get(key) ?? none(method, route, status);
  durations.set(key, found);
  const bucket = duration.buckets.findIndex((bound) => seconds <= bound);
  if (bucket !== -1) found.counts[bucket] = (found.counts[bucket] ?? 0) + 1;
  found.count++;
  found.sum += seconds;
}

function none(method: string, route: string, status: number): Durations {
  const labels = {
    'http.request.method': method,
    'http.route': route,
    'http.response.status_code': status,
  };
  return { labels, counts: duration.buckets.map(() => 0), count: 0, sum: 0 };
}

/** Counts a request that was answered with a problem. */
export function countRefusal(code: ErrorCode): void {
  refused.set(code, (refused.get(code) ?? 0) + 1);
}

/** Counts a trace context that was read. */
export function countContext(hop: Hop, outcome: ContextOutcome): void {
  const key = `${hop} ${outcome}`;
  read.set(key, (read.get(key) ?? 0) + 1);
}

/** How long the answers of this isolate took so far. */
export function durationsSoFar(): Durations[] {
  return [...durations.values()];
}

/** What this isolate has counted since it started. */
export function counted() {
  return [
    { metric: refusals, samples: [...refused].map(([code, value]) => ({ labels: { code }, value })) },
    {
      metric: contexts,
      samples: [...read].map(([key, value]) => {
        const [hop = '', outcome = ''] = key.split(' ');
        return { labels: { hop, outcome }, value };
      }),
    },
  ];
}

/** What {@link counted} and {@link durationsSoFar} give, as Prometheus text. */
export function requestMetrics(): string {
  const counters = counted().map(({ metric, samples }) => metricText(metric, samples));
  return metricText(duration, durationsSoFar().flatMap(histogramOf)) + counters.join('');
}

function histogramOf({ labels, counts, count, sum }: Durations): Sample[] {
  let below = 0;
  const buckets = duration.buckets.map((bound, index) => {
    below += counts[index] ?? 0;
    return { suffix: '_bucket', labels: { ...labels, le: String(bound) }, value: below };
  });
  return [
    ...buckets,
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
    { suffix: '_sum', labels, value: sum },
    { suffix: '_count', labels, value: count },
  ];
}
