import type { InputRules } from '../calls/commands.ts';
import { InputSchema } from '../validation/input-schema.ts';

/** How many characters of rules, as JSON, an isolate keeps. In memory, rules take about thirty times that. */
const MAX_CHARACTERS = 1024 * 1024;
/** What an entry takes apart from its rules. */
const ENTRY_CHARACTERS = 100;
/** How many characters of rules take as much memory as a state of a pattern. */
const STATE_CHARACTERS = 4;

/** The rules for the inputs of an operation, read once for all inputs. */
export interface ReadRules {
  readonly digest: string;
  readonly schema: InputSchema;
}

interface KnownRules extends ReadRules {
  readonly characters: number;
}

/**
 * The rules for inputs that this isolate knows, by operation. They may be out of date: each submission names the rules that
 * it was checked by, and the bridge answers with the newest if they differ.
 */
export class InputRulesCache {
  readonly #rules = new Map<string, KnownRules>();

  /** The rules of an operation; undefined if this isolate does not know them. */
  get(operation: string): ReadRules | undefined {
    return this.#rules.get(operation);
  }

  /** Keeps the rules of an operation. If there is no room, the oldest ones are deleted. */
  put(operation: string, { digest, schema }: InputRules): void {
    const characters = ENTRY_CHARACTERS + operation.length + JSON.stringify(schema).length;
    this.#rules.delete(operation);
    let total = characters;
    for (const rules of this.#rules.values()) total += sizeOf(rules);
    for (const [oldest, rules] of this.#rules) {
      if (total <= MAX_CHARACTERS) break;
      this.#rules.delete(oldest);
      total -= sizeOf(rules);
    }
    this.#rules.set(operation, { digest, schema: new InputSchema(schema), characters });
  }
}

/** What rules take of the room. The patterns of a schema are made when its first inputs are checked. */
function sizeOf({ characters, schema }: KnownRules): number {
  return characters + STATE_CHARACTERS * schema.patternsWeight;
}
