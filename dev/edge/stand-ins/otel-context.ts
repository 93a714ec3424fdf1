import type { Context } from '@opentelemetry/api';

/**
 * Stands for the context of `@opentelemetry/api` (1.9, `context/context.ts`). wrangler.toml puts this module in its place: there, each
 * context is a copy of the whole map of the one below it, with three functions of its own, and a submit makes seven.
 */
export function createContextKey(description: string): symbol {
  return Symbol.for(description);
}

/** A value on top of another context. */
class LinkedContext implements Context {
  readonly #below: LinkedContext | undefined;
  readonly #key: symbol | undefined;
  readonly #value: unknown;

  constructor(below?: LinkedContext, key?: symbol, value?: unknown) {
    this.#below = below;
    this.#key = key;
    this.#value = value;
  }

  getValue(key: symbol): unknown {
    for (let at: LinkedContext | undefined = this; at !== undefined; at = at.#below)
      if (at.#key === key) return at.#value;
    return undefined;
  }

  setValue(key: symbol, value: unknown): Context {
    return new LinkedContext(this, key, value);
  }

  deleteValue(key: symbol): Context {
    return new LinkedContext(this, key);
  }
}

export const ROOT_CONTEXT: Context = new LinkedContext();
