import type { InputRules } from '../calls/commands.ts';
import { InputSchema } from '../validation/input-schema.ts';

/** How much JSON an isolate keeps as rules. Rules that were read take about thirty times their size as JSON. */
const MAX_CHARACTERS = 1024 * 1024;
/** What an entry takes apart from its rules. */
const ENTRY_CHARACTERS = 100;

/** Rules that were read, so that they need not be read for each input. */
export interface ReadRules {
  readonly digest: string;
  readonly schema: InputSchema;
}

/**
 * The rules for inputs that this isolate knows, by operation. They may be out of date: each submission names the rules that
 * it was checked by, and the bridge answers with the newest if they differ.
 */
export class InputRulesCache {
  readonly #rules = new Map<string, ReadRules & { readonly characters: number }>();
  #characters = 0;

  get(operation: string): ReadRules | undefined {
    return this.#rules.get(operation);
  }

  /** Keeps the rules of an operation. If there is no room, the oldest go. */
  put(operation: string, { digest, schema }: InputRules): void {
    const characters = ENTRY_CHARACTERS + operation.length + JSON.stringify(schema).length;
    this.#delete(operation);
    for (const oldest of this.#rules.keys()) {
      if (this.#characters + characters <= MAX_CHARACTERS) break;
      this.#delete(oldest);
    }
    this.#rules.set(operation, { digest, schema: new InputSchema(schema), characters });
    this.#characters += characters;
  }

  #delete(operation: string): void {
    this.#characters -= this.#rules.get(operation)?.characters ?? 0;
    this.#rules.delete(operation);
  }
}
