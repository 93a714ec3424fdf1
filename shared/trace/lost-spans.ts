import { prometheusName } from './metric.ts';

/** The metric of the spans that were recorded in the edge and are not in the trace store. */
export const EDGE_LOST_SPANS = {
  name: 'throughline.edge.lost_spans',
  instrument: 'counter',
  unit: '{span}',
} as const;

/** Its name where Prometheus shows it. */
export const EDGE_LOST_SPANS_TOTAL = prometheusName(EDGE_LOST_SPANS);
