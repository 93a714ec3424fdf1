import type { Violation } from '../../shared/errors.ts';
import { jsonPointer } from '../../shared/text/json/json-pointer.ts';
import { shortened } from '../../shared/text/shortened.ts';
import type { Run } from './run.ts';

/** The place of a value in the input: keys of objects and indexes of lists. */
export type Place = readonly (string | number)[];

const MAX_VIOLATIONS = 10;
/** The most characters of a path or a sentence. Both may hold names and texts of the input, of any length. */
const MAX_TEXT = 200;

/** What is wrong with an input: one sentence for each place, ten at most. */
export class Report {
  /** The run of this explanation. To explain means to judge again, within a budget of its own. */
  readonly run: Run;
  readonly #sentences = new Map<string, string>();
  readonly #explained = new Map<Place, Set<unknown>>();

  constructor(run: Run) {
    this.run = run;
  }

  /** Notes that a schema explains a place. @returns false if it did so before: a circle of references would have no end */
  begins(schema: unknown, place: Place): boolean {
    const schemas = this.#explained.get(place) ?? new Set();
    this.#explained.set(place, schemas);
    return schemas.size < schemas.add(schema).size;
  }

  /** Says what is wrong at a place. Only the first sentence about a place counts. */
  add(place: Place, sentence: string): void {
    const path = shortened(jsonPointer(place), MAX_TEXT);
    if (!this.isFull && !this.#sentences.has(path)) this.#sentences.set(path, shortened(sentence, MAX_TEXT));
  }

  /** Whether there is no room for more, or no more work may be done. */
  get isFull(): boolean {
    return this.#sentences.size >= MAX_VIOLATIONS || this.run.budget.isSpent;
  }

  get violations(): Violation[] {
    return [...this.#sentences].map(([path, message]) => ({ path, message }));
  }
}
