import { Pattern } from './pattern.ts';

/** How large the patterns of a schema may be together, in states. A state takes about 120 bytes of the isolate's memory. */
const MAX_WEIGHT = 100_000;

/** The patterns of a schema, as far as it is read. */
export class Patterns {
  readonly #patterns = new Map<string, Pattern>();
  #weight = 0;

  /** What they take of the memory, as a number of states. */
  get weight(): number {
    return this.#weight;
  }

  /** The machine of a pattern. Undefined if the pattern cannot be read for certain, or if there is no room for it. */
  compile(source: string): Pattern | undefined {
    const known = this.#patterns.get(source);
    if (known !== undefined || this.#weight > MAX_WEIGHT) return known;
    const pattern = Pattern.compile(source);
    if (pattern === undefined) return undefined;
    this.#patterns.set(source, pattern);
    this.#weight += pattern.weight;
    return pattern;
  }
}
