/** One part of a pattern. */
export type Part =
  /** One character; `source` is a pattern that fits nothing longer, such as `[a-z]`. */
  | { readonly kind: 'character'; readonly source: string }
  /** The start or the end of the text. */
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'choice'; readonly options: readonly Sequence[] }
  | { readonly kind: 'repeat'; readonly part: Part; readonly min: number; readonly max: number };
export type Sequence = readonly Part[];

export interface ParsedPattern {
  readonly part: Part;
  /** False if the parts also fit texts that the pattern does not fit. */
  readonly isExact: boolean;
}

const EMPTY: Part = { kind: 'choice', options: [[]] };
const MAX_NESTING = 50;
const MAX_LENGTH = 4_000;

const QUANTIFIER = /^(?:[*+?]|\{(\d+)(,(\d*))?\})\??/;
/** A class that means the same with and without the flags u and v, for characters of the basic plane. */
const CLASS = /^\[\^?(?:[^\]\\]|\\(?:[dDwWsSnrtvfb]|x[\da-fA-F]{2}|u[\da-fA-F]{4}|[^\da-zA-Z]))*\]/;
const ESCAPE = /^\\(?:[dDwWsSnrtvf]|x[\da-fA-F]{2}|u[\da-fA-F]{4}|[^\da-zA-Z])/;
const GROUP = /^\((?:\?(?:(:|<[A-Za-z_$][\w$]*>)|(<?[=!])))?/;
/** Only the flag u gives these a meaning, or they are outside of the basic plane. */
const SURROGATES = /[\ud800-\udfff]|\\u[dD][89a-fA-F]/;

/**
 * Reads a pattern as JavaScript does without flags.
 *
 * Parts that can only forbid texts are left out: lookaheads, lookbehinds, word boundaries. A text that does not fit the rest does
 * not fit the pattern either.
 * @returns undefined for a pattern that is not valid, or that means something else with the flag u
 */
export function parsePattern(source: string): ParsedPattern | undefined {
  if (source.length > MAX_LENGTH || SURROGATES.test(source) || !isValid(source)) return undefined;
  return new PatternParser(source).parse();
}

function isValid(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}

class PatternParser {
  readonly #source: string;
  #at = 0;
  #isExact = true;
  #isReadable = true;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): ParsedPattern | undefined {
    const part = this.#choice(0);
    const isWhole = this.#at === this.#source.length;
    return this.#isReadable && isWhole ? { part, isExact: this.#isExact } : undefined;
  }

  #choice(nesting: number): Part {
    const options = [this.#sequence(nesting)];
    while (this.#take('|')) options.push(this.#sequence(nesting));
    return { kind: 'choice', options };
  }

  #sequence(nesting: number): Sequence {
    const parts: Part[] = [];
    while (this.#isReadable && !['', '|', ')'].includes(this.#next)) {
      parts.push(this.#quantified(this.#atom(nesting)));
    }
    return parts;
  }

  #quantified(part: Part): Part {
    const [text, min, comma, max] = QUANTIFIER.exec(this.#rest) ?? [];
    if (text === undefined) return part;
    this.#at += text.length;
    if (text.startsWith('*')) return { kind: 'repeat', part, min: 0, max: Number.POSITIVE_INFINITY };
    if (text.startsWith('+')) return { kind: 'repeat', part, min: 1, max: Number.POSITIVE_INFINITY };
    if (text.startsWith('?')) return { kind: 'repeat', part, min: 0, max: 1 };
    const most = comma === undefined ? Number(min) : Number(max || Number.POSITIVE_INFINITY);
    return { kind: 'repeat', part, min: Number(min), max: most };
  }

  #atom(nesting: number): Part {
    if (this.#take('^')) return { kind: 'start' };
    if (this.#take('$')) return { kind: 'end' };
    if (this.#take('\\b') || this.#take('\\B')) return this.#leftOut();
    if (this.#next === '(') return this.#group(nesting);
    if (this.#next === '[') return this.#character(CLASS);
    if (this.#next === '\\') return this.#character(ESCAPE);
    return this.#character(/^./s);
  }

  #character(grammar: RegExp): Part {
    const [text] = grammar.exec(this.#rest) ?? [];
    if (text === undefined) return this.#unreadable();
    this.#at += text.length;
    // Outside of a class and a quantifier, braces and brackets stand for themselves.
    return { kind: 'character', source: /^[{}\]]$/.test(text) ? `\\${text}` : text };
  }

  #group(nesting: number): Part {
    const [text = '', , lookaround] = GROUP.exec(this.#rest) ?? [];
    this.#at += text.length;
    if (nesting >= MAX_NESTING || this.#next === '?') return this.#unreadable();
    const part = this.#choice(nesting + 1);
    if (!this.#take(')')) return this.#unreadable();
    return lookaround === undefined ? part : this.#leftOut();
  }

  #leftOut(): Part {
    this.#isExact = false;
    return EMPTY;
  }

  #unreadable(): Part {
    this.#isReadable = false;
    return EMPTY;
  }

  get #rest(): string {
    return this.#source.slice(this.#at);
  }

  get #next(): string {
    return this.#source.charAt(this.#at);
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
}
