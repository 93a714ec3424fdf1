import type { Attributes, Counter } from '@opentelemetry/api';
import { Series } from './series.ts';

interface Sum {
  readonly attributes: Attributes;
  value: number;
}

/**
 * Counts that are added up here, and given to their counters when somebody reads the metrics: a counter of OpenTelemetry's SDK (2.12)
 * sorts and writes out the attributes at each call. There are as many sums at most as counters have combinations of attributes.
 */
export class Sums {
  readonly #byName: ReadonlyMap<string, { readonly counter: Counter; readonly series: Series<Sum> }>;

  /** @param counters by name */
  constructor(counters: ReadonlyMap<string, Counter>) {
    this.#byName = new Map(
      Array.from(counters, ([name, counter]) => {
        const series = new Series<Sum>((attributes) => ({ attributes, value: 0 }));
        return [name, { counter, series }];
      }),
    );
  }

  /** @param name a counter that is not known counts nothing */
  add(name: string, attributes: Attributes, value: number): void {
    const kept = this.#byName.get(name);
    if (kept !== undefined) kept.series.of(attributes).value += value;
  }

  /** Gives the counters what was counted since the last call. */
  flush(): void {
    for (const { counter, series } of this.#byName.values())
      for (const sum of series.values()) {
        if (sum.value !== 0) counter.add(sum.value, sum.attributes);
        sum.value = 0;
      }
  }
}
