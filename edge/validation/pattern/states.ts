import type { ParsedPattern, Part, Sequence } from './parser.ts';

/** A state of the machine that a pattern is made into. From a `fork` it goes to all `next` at once. */
export interface State {
  /** Its place among the states. */
  readonly id: number;
  readonly kind: 'character' | 'start' | 'end' | 'fork' | 'match';
  readonly fits: (code: number) => boolean;
  readonly next: State[];
}

export interface Machine {
  readonly start: State;
  readonly size: number;
  /** What it takes of the memory, as a number of states. */
  readonly weight: number;
  /** Whether it can only begin at the start of a text, or at its end. */
  readonly isAnchored: boolean;
  /** False if the machine also fits texts that the pattern does not fit. */
  readonly isExact: boolean;
}

/** The most states of a repetition. A longer one is replaced by one that fits more texts: `a{5000}` becomes `a+`. */
const MAX_REPEATED_STATES = 256;
const MAX_STATES = 2_000;
/** How many states take as much memory as the test of a class, with its answers. */
const CLASS_WEIGHT = 10;

/** Makes the states of a pattern (Thompson's construction). @returns undefined if they would be too many */
export function buildMachine(parsed: ParsedPattern): Machine | undefined {
  const builder = new MachineBuilder(parsed.isExact);
  const start = builder.part(parsed.part, builder.state('match', []));
  if (builder.size > MAX_STATES) return undefined;
  const { size, weight, isExact } = builder;
  return { start, size, weight, isAnchored: !canBeginInside(start), isExact };
}

/** Whether a character, or the match itself, is reached without passing ^ or $. */
function canBeginInside(start: State): boolean {
  const reached = new Set([start]);
  for (const state of reached) {
    if (state.kind === 'character' || state.kind === 'match') return true;
    if (state.kind === 'fork') for (const next of state.next) reached.add(next);
  }
  return false;
}

class MachineBuilder {
  size = 0;
  #testsWeight = 0;
  isExact: boolean;
  /** By their sources. One test for each state of `[a-z]{250}` would take most of the memory of a machine. */
  readonly #tests = new Map<string, State['fits']>();

  constructor(isExact: boolean) {
    this.isExact = isExact;
  }

  get weight(): number {
    return this.size + this.#testsWeight;
  }

  state(kind: State['kind'], next: State[], fits = readsNothing): State {
    return { id: this.size++, kind, fits, next };
  }

  /** The state that begins a part and goes on to `next`. */
  part(part: Part, next: State): State {
    if (this.size > MAX_STATES) return next;
    switch (part.kind) {
      case 'character':
        return this.state('character', [next], this.#test(part.source));
      case 'start':
      case 'end':
        return this.state(part.kind, [next]);
      case 'choice':
        return this.#choice(part.options, next);
      case 'repeat':
        return this.#repeat(part.part, part.min, part.max, next);
    }
  }

  #test(source: string): State['fits'] {
    const known = this.#tests.get(source);
    if (known !== undefined) return known;
    const isOneCharacter = source.length === 1 && source !== '.';
    const test = isOneCharacter ? isCharacter(source.charCodeAt(0)) : isOfClass(source);
    this.#tests.set(source, test);
    this.#testsWeight += isOneCharacter ? 1 : CLASS_WEIGHT;
    return test;
  }

  #choice(options: readonly Sequence[], next: State): State {
    const starts = options.map((option) => this.#sequence(option, next));
    const [only] = starts;
    return only !== undefined && starts.length === 1 ? only : this.state('fork', starts);
  }

  #sequence(sequence: Sequence, next: State): State {
    return sequence.reduceRight((following, part) => this.part(part, following), next);
  }

  #repeat(part: Part, min: number, max: number, next: State): State {
    const isEndless = max === Number.POSITIVE_INFINITY;
    const isTooLarge = sizeOf(part) * (isEndless ? min : max) > MAX_REPEATED_STATES;
    if (isTooLarge) this.isExact = false;
    let state = isEndless || isTooLarge ? this.#loop(part, next) : this.#optional(part, max - min, next);
    for (let left = isTooLarge ? Math.min(min, 1) : min; left > 0; left--) state = this.part(part, state);
    return state;
  }

  #loop(part: Part, next: State): State {
    const fork = this.state('fork', [next]);
    fork.next.push(this.part(part, fork));
    return fork;
  }

  #optional(part: Part, count: number, next: State): State {
    let state = next;
    for (let left = count; left > 0; left--) state = this.state('fork', [next, this.part(part, state)]);
    return state;
  }
}

/** How many states a part takes when its repetitions are written out. */
function sizeOf(part: Part): number {
  if (part.kind === 'choice') return part.options.flat().reduce((sum, inner) => sum + sizeOf(inner), 1);
  if (part.kind !== 'repeat') return 1;
  const times = part.max === Number.POSITIVE_INFINITY ? part.min + 1 : part.max;
  return 1 + sizeOf(part.part) * times;
}

const readsNothing: State['fits'] = () => false;

const ASCII = 128;

function isCharacter(own: number): State['fits'] {
  return (code) => code === own;
}

/** Whether a character fits a class such as `[a-z]` or `\d`. The answer for each ASCII character is kept. */
function isOfClass(source: string): State['fits'] {
  const pattern = new RegExp(`^(?:${source})$`);
  const known = new Array<boolean | undefined>(ASCII);
  return (code) => {
    const answer = known[code];
    if (answer !== undefined) return answer;
    const fits = pattern.test(String.fromCharCode(code));
    if (code < ASCII) known[code] = fits;
    return fits;
  };
}
