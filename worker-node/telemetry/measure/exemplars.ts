import { type Attributes, trace } from '@opentelemetry/api';
import { bucketOf } from './distribution.ts';
import { Series } from './series.ts';

/** A measurement, and the span in which it was made. */
export interface Exemplar {
  readonly value: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

type Buckets = (Exemplar | undefined)[];

/**
 * The newest exemplar of each bucket of each histogram: OpenTelemetry's SDK for JavaScript (2.12) keeps none. There are as many at
 * most as buckets are shown.
 */
export class Exemplars {
  readonly #byHistogram = new Map<string, Series<Buckets>>();

  /**
   * Keeps a measurement, if a span is active that is recorded.
   * @param name the histogram, by the name of its definition
   * @param bounds the upper bounds of its buckets, ascending
   */
  note(name: string, bounds: readonly number[], value: number, attributes: Attributes): void {
    const span = trace.getActiveSpan();
    if (span?.isRecording() !== true) return;
    const { traceId, spanId } = span.spanContext();
    this.#bucketsOf(name, attributes)[bucketOf(bounds, value)] = { value, traceId, spanId, at: Date.now() };
  }

  /** The exemplar of a bucket, which is counted from 0; undefined: it has none. */
  of(name: string, attributes: Attributes, bucket: number): Exemplar | undefined {
    return this.#bucketsOf(name, attributes)[bucket];
  }

  #bucketsOf(name: string, attributes: Attributes): Buckets {
    let series = this.#byHistogram.get(name);
    if (series === undefined) {
      series = new Series<Buckets>(() => []);
      this.#byHistogram.set(name, series);
    }
    return series.of(attributes);
  }
}
