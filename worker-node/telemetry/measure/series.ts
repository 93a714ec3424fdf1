import type { Attributes } from '@opentelemetry/api';

/** The series of a metric that share the names and values of their first attributes, and the one that has no more. */
class Branch<Value> {
  value: Value | undefined;
  readonly #more = new Map<string, Map<unknown, Branch<Value>>>();
  /** The attribute that was asked for last. The next measurement nearly always has the same. */
  #name: string | undefined;
  #last: Branch<Value> = this;
  #text: unknown;

  /** The series that also have this attribute. */
  with(name: string, text: unknown): Branch<Value> {
    if (name === this.#name && text === this.#text) return this.#last;
    this.#name = name;
    this.#text = text;
    this.#last = this.#find(name, text);
    return this.#last;
  }

  #find(name: string, text: unknown): Branch<Value> {
    const byText = this.#more.get(name) ?? new Map<unknown, Branch<Value>>();
    const known = byText.get(text);
    if (known !== undefined) return known;
    const added = new Branch<Value>();
    this.#more.set(name, byText.set(text, added));
    return added;
  }
}

/**
 * What a metric has for each combination of its attributes. Each job has several measurements, so no text is made of their attributes:
 * OpenTelemetry's SDK (2.12) sorts and writes them out each time. They come in the same order for all measurements of a metric.
 */
export class Series<Value> {
  readonly #root = new Branch<Value>();
  readonly #start: (attributes: Attributes) => Value;
  readonly #all: Value[] = [];

  /** @param start makes the value of a combination that was not there before */
  constructor(start: (attributes: Attributes) => Value) {
    this.#start = start;
  }

  of(attributes: Attributes): Value {
    let branch = this.#root;
    for (const name in attributes) branch = branch.with(name, attributes[name]);
    if (branch.value === undefined) {
      branch.value = this.#start(attributes);
      this.#all.push(branch.value);
    }
    return branch.value;
  }

  /** The values of all combinations, in the order in which they came. */
  values(): readonly Value[] {
    return this.#all;
  }
}
