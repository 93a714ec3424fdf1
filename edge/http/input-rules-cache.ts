import type { InputRules } from '../calls/commands.ts';
import { InputSchema } from '../validation/input-schema.ts';

/** How many characters of rules, as JSON, an isolate keeps. In memory, rules take about thirty times that. */
const MAX_CHARACTERS = 1024 * 1024;
/** What an entry takes apart from its rules. */
const ENTRY_CHARACTERS = 100;

/** The rules for the inputs of an operation, read once for all inputs. */
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

  /** The rules of an operation; undefined if this isolate does not know them. */
  get(operation: string): ReadRules | undefined {
    return this.#rules.get(operation);
  }

  /** Keeps the rules of an operation. If there is no room, the oldest ones are deleted. */
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
