import type { ServerResponse } from 'node:http';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
  type AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type InstrumentType,
  type MetricData,
  type MetricProducer,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { describeThrown } from '../../../shared/errors.ts';
import { nameWithUnit } from '../../../shared/trace/metric.ts';
import type { Exemplars } from './exemplars.ts';
import { labelsOf } from './labels.ts';
import { OPENMETRICS_TYPE, openMetricsOf, wantsOpenMetrics } from './openmetrics.ts';
import { descriptorInTexts, readableAttributes, scopeInTexts } from './readable-metrics.ts';
import { temporalityOf } from './temporality.ts';

/**
 * How long a gauge may take to say its value: that of an operation may ask a database. Prometheus waits 10 s for all of them, and a
 * scrape may have to wait for the reading before it.
 */
const GAUGE_MS = 4_000;
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

class Reader extends PrometheusExporter {
  override selectAggregationTemporality(instrument: InstrumentType): AggregationTemporality {
    return temporalityOf(instrument);
  }
}

/**
 * Serves metrics as Prometheus text. The exporter's own handler leaves the units out of the names (0.223.0), so the names
 * would differ from those that a collector makes of the same metrics.
 */
export class Exposition {
  readonly reader: Reader;
  readonly #serializer = new PrometheusSerializer();
  readonly #exemplars: Exemplars;
  #lastReading: Promise<unknown> = Promise.resolve();
  /** The reading that has not begun yet. */
  #nextReading: Promise<CollectionResult> | undefined;

  /** @param own metrics that the SDK does not know */
  constructor(exemplars: Exemplars, ...own: MetricProducer[]) {
    this.reader = new Reader({ preventServerStart: true, metricProducers: own });
    this.#exemplars = exemplars;
  }

  /** Answers `GET /metrics`: in OpenMetrics, with exemplars, if the reader asks for it. */
  respond(response: ServerResponse): void {
    const isOpen = wantsOpenMetrics(response.req.headers.accept);
    this.#read()
      .then(({ resourceMetrics }) => {
        const text = this.#serializer.serialize(forPrometheus(resourceMetrics));
        const body = isOpen ? openMetricsOf(text, resourceMetrics, this.#exemplars) : text;
        response.writeHead(200, { 'content-type': isOpen ? OPENMETRICS_TYPE : CONTENT_TYPE }).end(body);
      })
      .catch((thrown: unknown) => response.writeHead(500).end(`# ${describeThrown(thrown)}\n`));
  }

  /**
   * One after the other: two readings at the same time would take gauges from each other. All that come while one is under way share
   * the next one: a slow gauge must not make a queue that grows from scrape to scrape.
   */
  #read(): Promise<CollectionResult> {
    this.#nextReading ??= this.#lastReading.then(() => {
      this.#nextReading = undefined;
      return this.reader.collect({ timeoutMillis: GAUGE_MS });
    });
    this.#lastReading = this.#nextReading.catch(() => undefined);
    return this.#nextReading;
  }
}

/** The metrics with the units in their names, and with labels that Prometheus takes. */
function forPrometheus(all: ResourceMetrics): ResourceMetrics {
  const scopeMetrics = all.scopeMetrics.map(({ scope, metrics }) => ({
    scope: scopeInTexts(scope),
    metrics: metrics.map(renamed),
  }));
  return { ...all, scopeMetrics };
}

function renamed(metric: MetricData): MetricData {
  const said = descriptorInTexts(metric);
  const isGauge = metric.dataPointType === DataPointType.GAUGE;
  const descriptor = { ...said, name: nameWithUnit(said.name, said.unit, isGauge) };
  const dataPoints = metric.dataPoints.map((point) => ({
    ...point,
    attributes: labelsOf(readableAttributes(point.attributes)),
  }));
  return { ...metric, descriptor, dataPoints } as MetricData;
}
