import type { Attributes, Counter } from '@opentelemetry/api';

interface Sum {
  readonly counter: Counter;
  readonly attributes: Attributes;
  value: number;
}

/**
 * Counts that are added up here, and given to their counters when somebody reads the metrics: a counter of OpenTelemetry's SDK (2.12)
 * sorts and writes out the attributes at each call. There are as many sums at most as counters have combinations of attributes.
 */
export class Sums {
  readonly #counters: ReadonlyMap<string, Counter>;
  readonly #sums = new Map<string, Sum>();

  /** @param counters by name */
  constructor(counters: ReadonlyMap<string, Counter>) {
    this.#counters = counters;
  }

  /** @param name a counter that is not known counts nothing */
  add(name: string, attributes: Attributes, value: number): void {
    const key = keyOf(name, attributes);
    const sum = this.#sums.get(key);
    if (sum !== undefined) sum.value += value;
    else {
      const counter = this.#counters.get(name);
      if (counter !== undefined) this.#sums.set(key, { counter, attributes, value });
    }
  }

  /** Gives the counters what was counted since the last call. */
  flush(): void {
    for (const sum of this.#sums.values()) {
      if (sum.value !== 0) sum.counter.add(sum.value, sum.attributes);
      sum.value = 0;
    }
  }
}

function keyOf(name: string, attributes: Attributes): string {
  let key = name;
  for (const attribute in attributes) key += `\n${attribute}\n${attributes[attribute]}`;
  return key;
}
