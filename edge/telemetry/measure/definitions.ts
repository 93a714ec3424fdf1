/** What an isolate of the edge counts by itself. The bridges count the rest: `bridge-metrics.ts`. */
import { API_ERROR_CODES } from '../../../shared/errors.ts';
import { EDGE_LOST_SPANS } from '../../../shared/trace/lost-spans.ts';
import type { MetricDefinition } from '../../../shared/trace/metric.ts';
import { LOSS_REASONS } from '../export/span-counts.ts';

/** Upper bounds in seconds (semantic conventions, "HTTP metrics"). */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const HOPS = ['edge', 'bridge'] as const;

export const EDGE_METRICS = {
  duration: {
    name: 'http.server.request.duration',
    instrument: 'histogram',
    unit: 's',
    description: 'Requests, by route and status, and how long their answers took to begin.',
    attributes: {
      'http.request.method': { bounded: 'the methods that the conventions know, and `_OTHER`' },
      'http.route': { bounded: 'the routes of the API, and `/*` for no route' },
      'http.response.status_code': { bounded: 'the statuses of the API' },
    },
    buckets: SECONDS,
    where: 'edge/http/middleware/trace-response.ts',
  },
  refusals: {
    name: 'throughline.edge.refusals',
    instrument: 'counter',
    unit: '{request}',
    description: 'Requests that were answered with a problem, by its code.',
    attributes: { code: API_ERROR_CODES },
    where: 'edge/http/middleware/problems.ts',
  },
  contexts: {
    name: 'throughline.edge.trace_context_extracted',
    instrument: 'counter',
    unit: '{request}',
    description:
      'Trace contexts that were read, by hop and outcome. `untrusted`: the edge did not continue them.',
    attributes: { hop: HOPS, outcome: ['continued', 'absent', 'invalid', 'untrusted'] },
    where: 'edge/http/middleware/trace-response.ts, edge/bridge/bridge.ts',
  },
  lostSpans: {
    ...EDGE_LOST_SPANS,
    description: 'Spans that were lost, by reason.',
    attributes: { reason: LOSS_REASONS },
    where: 'edge/telemetry/export/span-counts.ts',
  },
  exportedSpans: {
    name: 'throughline.edge.exported_spans',
    instrument: 'counter',
    unit: '{span}',
    description: 'Spans that a collector took.',
    attributes: {},
    where: 'edge/telemetry/export/span-counts.ts',
  },
  queuedSpans: {
    name: 'throughline.edge.queued_spans',
    instrument: 'gauge',
    unit: '{span}',
    description: 'Spans that wait for their export.',
    attributes: {},
    where: 'edge/telemetry/export/span-processor.ts',
  },
} as const satisfies Record<string, MetricDefinition>;
