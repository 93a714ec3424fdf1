import type { Attributes } from '@opentelemetry/api';
import type { Histogram } from '@opentelemetry/sdk-metrics';

/** The values of one series of a histogram, added up. */
export class Distribution {
  readonly attributes: Attributes;
  readonly startMs = Date.now();
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  /** @param bounds the upper bounds of the buckets, ascending */
  constructor(bounds: readonly number[], attributes: Attributes) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
    this.attributes = attributes;
  }

  /** @param value 0 or more */
  add(value: number): void {
    const bucket = bucketOf(this.#bounds, value);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** What was added until now. */
  snapshot(): Histogram {
    return {
      buckets: { boundaries: [...this.#bounds], counts: [...this.#counts] },
      count: this.#count,
      sum: this.#sum,
      min: this.#min,
      max: this.#max,
    };
  }
}

/**
 * The bucket of a value, counted from 0. The last one has no upper bound.
 * @param bounds the upper bounds of the buckets, ascending
 */
export function bucketOf(bounds: readonly number[], value: number): number {
  let bucket = 0;
  while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
  return bucket;
}
