import { type Attributes, trace } from '@opentelemetry/api';

/** A measurement, and the span in which it was made. */
export interface Exemplar {
  readonly value: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** The series of a histogram that share the names and values of their first attributes, and those that have no more. */
class Series {
  readonly buckets: (Exemplar | undefined)[] = [];
  readonly #more = new Map<string, Map<unknown, Series>>();
  /** The attribute that was asked for last. The next measurement nearly always has the same. */
  #name: string | undefined;
  #value: unknown;
  #last: Series = this;

  /** The series that also have this attribute. */
  with(name: string, value: unknown): Series {
    if (name === this.#name && value === this.#value) return this.#last;
    this.#name = name;
    this.#value = value;
    this.#last = this.#find(name, value);
    return this.#last;
  }

  #find(name: string, value: unknown): Series {
    const byValue = this.#more.get(name) ?? new Map<unknown, Series>();
    const known = byValue.get(value);
    if (known !== undefined) return known;
    const added = new Series();
    this.#more.set(name, byValue.set(value, added));
    return added;
  }
}

/**
 * The newest exemplar of each bucket of each histogram: OpenTelemetry's SDK for JavaScript (2.12) keeps none. There are as many at
 * most as buckets are shown. Each job has several measurements, so no text is made of their attributes. They come in the same
 * order for all measurements of a histogram.
 */
export class Exemplars {
  readonly #byHistogram = new Map<string, Series>();

  /**
   * Keeps a measurement, if a span is active that is recorded.
   * @param name the histogram, by the name of its definition
   * @param bounds the upper bounds of its buckets, ascending
   */
  note(name: string, bounds: readonly number[], value: number, attributes: Attributes): void {
    const span = trace.getActiveSpan();
    if (span?.isRecording() !== true) return;
    const { traceId, spanId } = span.spanContext();
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
    this.#seriesOf(name, attributes).buckets[bucket] = { value, traceId, spanId, at: Date.now() };
  }

  /** The exemplar of a bucket, which is counted from 0; undefined: it has none. */
  of(name: string, attributes: Attributes, bucket: number): Exemplar | undefined {
    return this.#seriesOf(name, attributes).buckets[bucket];
  }

  #seriesOf(name: string, attributes: Attributes): Series {
    let series = this.#byHistogram.get(name);
    if (series === undefined) {
      series = new Series();
      this.#byHistogram.set(name, series);
    }
    for (const attribute in attributes) series = series.with(attribute, attributes[attribute]);
    return series;
  }
}
