import { type Attributes, trace } from '@opentelemetry/api';

/** A measurement, and the span in which it was made. */
export interface Exemplar {
  readonly value: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/**
 * The newest exemplar of each bucket of each histogram: OpenTelemetry's SDK for JavaScript (2.12) keeps none. There are as many at
 * most as buckets are shown.
 */
export class Exemplars {
  readonly #newest = new Map<string, Exemplar>();

  /**
   * Keeps a measurement, if a span is active that is recorded.
   * @param name the histogram, by the name of its definition
   * @param bounds the upper bounds of its buckets, ascending
   */
  note(name: string, bounds: readonly number[], value: number, attributes: Attributes): void {
    const span = trace.getActiveSpan();
    if (span?.isRecording() !== true) return;
    const { traceId, spanId } = span.spanContext();
    const found = bounds.findIndex((bound) => value <= bound);
    const bucket = found === -1 ? bounds.length : found;
    this.#newest.set(keyOf(name, attributes, bucket), { value, traceId, spanId, at: Date.now() });
  }

  /** The exemplar of a bucket, which is counted from 0; undefined: it has none. */
  of(name: string, attributes: Attributes, bucket: number): Exemplar | undefined {
    return this.#newest.get(keyOf(name, attributes, bucket));
  }
}

/** Each job has several measurements, so this makes no lists of pairs, and no JSON. */
function keyOf(name: string, attributes: Attributes, bucket: number): string {
  let key = `${name}\n${bucket}`;
  for (const attribute of Object.keys(attributes).sort()) key += `\n${attribute}=${attributes[attribute]}`;
  return key;
}
