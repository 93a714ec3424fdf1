import type { InputRules } from '../calls/commands.ts';
import { InputSchema } from '../validation/input-schema.ts';

/** The most operations whose rules an isolate keeps. */
const MAX_OPERATIONS = 256;

/** Rules that were read, so that they need not be read for each input. */
export interface ReadRules {
  readonly digest: string;
  readonly schema: InputSchema;
}

/**
 * The rules for inputs that this isolate knows, by operation. They may be out of date: each submission names the rules that
 * it was checked by, and the bridge answers with the newest where they differ.
 */
export class InputRulesCache {
  readonly #rules = new Map<string, ReadRules>();

  get(operation: string): ReadRules | undefined {
    return this.#rules.get(operation);
  }

  /** Keeps the rules of an operation. Where there is no room, the rules that were got first go. */
  put(operation: string, { digest, schema }: InputRules): void {
    this.#rules.delete(operation);
    const [oldest] = this.#rules.keys();
    if (this.#rules.size >= MAX_OPERATIONS && oldest !== undefined) this.#rules.delete(oldest);
    this.#rules.set(operation, { digest, schema: new InputSchema(schema) });
  }
}
