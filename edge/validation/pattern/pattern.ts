import type { StepBudget } from '../step-budget.ts';
import { NO, UNKNOWN, type Verdict, YES } from '../verdict.ts';
import { parsePattern } from './parser.ts';
import { buildMachine, type Machine, type State } from './states.ts';

const SURROGATE = /[\ud800-\udfff]/;
/** A state that is visited is less work than a rule that is judged. */
const VISITS_PER_STEP = 4;

/**
 * A regular expression that reads each character of a text once, whatever the pattern: the machine is in all states at
 * once that the text so far may have led to. JavaScript's own engine tries one way after another instead, and some
 * patterns have more ways than can ever be tried.
 */
export class Pattern {
  readonly #machine: Machine;

  private constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** @returns undefined for a pattern that cannot be read for certain, see `parsePattern`, or that is too large */
  static compile(source: string): Pattern | undefined {
    const parsed = parsePattern(source);
    const machine = parsed && buildMachine(parsed);
    return machine && new Pattern(machine);
  }

  /** What it takes of the memory, as a number of states. */
  get weight(): number {
    return this.#machine.weight;
  }

  /**
   * Whether the pattern fits somewhere in the text. A text with characters beyond the basic plane is not judged: libraries
   * count them as one or as two.
   */
  judge(text: string, budget: StepBudget): Verdict {
    budget.spend((text.length + this.#machine.size) / 64);
    if (SURROGATE.test(text)) return UNKNOWN;
    const search = new Search(this.#machine, text);
    const found = search.run(budget.left * VISITS_PER_STEP);
    budget.spend(search.visits / VISITS_PER_STEP);
    if (found === undefined) return UNKNOWN;
    if (!found) return NO;
    return this.#machine.isExact ? YES : UNKNOWN;
  }
}

/** One run of the machine over a text. */
class Search {
  visits = 0;
  readonly #machine: Machine;
  readonly #text: string;
  /** For each state, the last place of the text at which it was visited. */
  readonly #visitedAt: Int32Array;
  #states: State[] = [];
  #isFound = false;

  constructor(machine: Machine, text: string) {
    this.#machine = machine;
    this.#text = text;
    this.#visitedAt = new Int32Array(machine.size).fill(-1);
  }

  /** @returns undefined if it would take more than `maxVisits` visits of states */
  run(maxVisits: number): boolean | undefined {
    const { length } = this.#text;
    for (let at = 0; at <= length && !this.#isFound; at++) {
      if (this.visits > maxVisits) return undefined;
      // A pattern that begins with ^ can begin nowhere else; one such as /^a|$/ can, at the end.
      if (at === 0 || at === length || !this.#machine.isAnchored) this.#visit(this.#machine.start, at);
      else if (this.#states.length === 0) at = length - 1;
      if (at < length) this.#read(at);
    }
    return this.#isFound;
  }

  /** Reads the character at a place: the states that it fits lead to the states of the next place. */
  #read(at: number): void {
    const code = this.#text.charCodeAt(at);
    const states = this.#states;
    this.#states = [];
    for (const { fits, next } of states) {
      const [following] = next;
      if (following !== undefined && fits(code)) this.#visit(following, at + 1);
    }
  }

  /** Notes the states that are reached at a place without reading a character. */
  #visit(first: State, at: number): void {
    const reached = [first];
    for (let state = reached.pop(); state !== undefined; state = reached.pop()) {
      if (this.#visitedAt[state.id] === at) continue;
      this.#visitedAt[state.id] = at;
      this.visits++;
      if (state.kind === 'match') this.#isFound = true;
      else if (state.kind === 'character') this.#states.push(state);
      else if (state.kind === 'fork' || at === (state.kind === 'start' ? 0 : this.#text.length)) {
        reached.push(...state.next);
      }
    }
  }
}
