/** Where a text stops being JSON. Lines and columns count from 1, columns in characters: an emoji is one. */
interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const EXPECTATIONS = {
  value: 'a value was expected',
  name: 'a name in double quotes was expected',
  colon: '":" was expected',
  more: '"," or the end of the list or object was expected',
  end: 'the end of the text was expected',
} as const;

/** The first of the two UTF-16 units of a character beyond the basic plane. */
const HALF_OF_PAIR = /[\ud800-\udbff](?=[\udc00-\udfff])/g;
const BLANKS = /[ \t\r\n]*/y;
const SCALAR = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** A valid escape sequence, or one character that ends a string or may not stand in it. */
const ESCAPE_OR_STOP = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|["\\]|[^\x20-\uffff]/g;

/**
 * Finds the first place where a text that JSON.parse refused breaks the grammar (RFC 8259). V8's own message names no
 * place for half of the faults. It takes linear time and does not recurse.
 */
export function findJsonFault(text: string): JsonFault {
  const { offset, message } = new FaultFinder(text).find();
  return { ...placeIn(text, offset), message };
}

/** What is wrong with bytes that are not UTF-8, and where, as the end of a sentence. */
export function utf8Fault(bytes: Uint8Array): string {
  // A fault becomes U+FFFD. Where the text has one by itself (EF BF BD), let it be U+FFFE.
  const marked = bytes.map((byte, at) =>
    byte === 0xbd && bytes[at - 1] === 0xbf && bytes[at - 2] === 0xef ? 0xbe : byte,
  );
  const text = new TextDecoder().decode(marked);
  const { line, column } = placeIn(text, text.indexOf('\ufffd'));
  return `is not UTF-8: line ${line}, column ${column}`;
}

function placeIn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').replace(HALF_OF_PAIR, '').length + 1 };
}

interface Fault {
  readonly offset: number;
  readonly message: string;
}

class FaultFinder {
  readonly #text: string;
  #at = 0;
  #expected: keyof typeof EXPECTATIONS = 'value';
  /** The brackets that close what is open. */
  readonly #closers: string[] = [];
  /** Whether a list or an object has just begun, so that it may end at once. */
  #isEmpty = false;

  constructor(text: string) {
    this.#text = text;
  }

  find(): Fault {
    for (;;) {
      this.#at += lengthOf(BLANKS, this.#text, this.#at);
      const char = this.#text.charAt(this.#at);
      const fault = this.#bracket(char) || this.#separator(char) ? undefined : this.#word(char);
      if (fault !== undefined) return fault;
    }
  }

  /** Takes a bracket. @returns whether there was one that may stand here */
  #bracket(char: string): boolean {
    const opens = this.#expected === 'value' && (char === '{' || char === '[');
    const closes = char === this.#closers.at(-1) && (this.#isEmpty || this.#expected === 'more');
    if (!opens && !closes) return false;
    if (opens) this.#closers.push(char === '{' ? '}' : ']');
    else this.#closers.pop();
    this.#isEmpty = opens;
    this.#go(1, opens ? (char === '{' ? 'name' : 'value') : this.#afterValue());
    return true;
  }

  /** Takes a comma or a colon. @returns whether there was one that may stand here */
  #separator(char: string): boolean {
    if (this.#expected === 'colon' && char === ':') this.#go(1, 'value');
    else if (this.#expected === 'more' && char === ',')
      this.#go(1, this.#closers.at(-1) === '}' ? 'name' : 'value');
    else return false;
    return true;
  }

  /** Takes a string, a number, or `true`, `false`, `null`. */
  #word(char: string): Fault | undefined {
    const [text, expected] = [this.#text, this.#expected];
    this.#isEmpty = false;
    if (char === '"' && (expected === 'name' || expected === 'value')) {
      const { offset, message } = readString(text, this.#at);
      if (message !== undefined) return { offset, message };
      this.#go(offset - this.#at, expected === 'name' ? 'colon' : this.#afterValue());
      return undefined;
    }
    const length = expected === 'value' ? lengthOf(SCALAR, text, this.#at) : 0;
    if (length === 0)
      return { offset: this.#at, message: `${EXPECTATIONS[expected]}, ${foundAt(this.#at, text)}` };
    this.#go(length, this.#afterValue());
    return undefined;
  }

  #afterValue(): 'more' | 'end' {
    return this.#closers.length > 0 ? 'more' : 'end';
  }

  #go(length: number, expected: keyof typeof EXPECTATIONS): void {
    this.#at += length;
    this.#expected = expected;
  }
}

/** How many characters of `text` the sticky pattern matches at `at`. */
function lengthOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}

/** The offset after the string that starts at `start`; where it is not valid: of its first fault, with a message. */
function readString(text: string, start: number): { offset: number; message?: string } {
  ESCAPE_OR_STOP.lastIndex = start + 1;
  for (let found = ESCAPE_OR_STOP.exec(text); found !== null; found = ESCAPE_OR_STOP.exec(text)) {
    const { 0: stop, index: offset } = found;
    if (stop === '"') return { offset: offset + 1 };
    if (stop === '\\') return { offset, message: 'this is not an escape sequence of JSON' };
    if (stop.length === 1)
      return { offset, message: 'a text in double quotes holds a raw control character' };
  }
  return { offset: start, message: 'this text in double quotes has no end' };
}

function foundAt(offset: number, text: string): string {
  const code = text.codePointAt(offset);
  return code === undefined ? 'but the text ends' : `found ${JSON.stringify(String.fromCodePoint(code))}`;
}
