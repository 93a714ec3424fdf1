/** Where a text stops being JSON. Lines and columns count from 1. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

type Expected = 'value' | 'first value' | 'name' | 'first name' | 'colon' | 'separator' | 'end';

const WHAT: Readonly<Record<Expected, string>> = {
  value: 'a value was expected',
  'first value': 'a value or "]" was expected',
  name: 'a name in double quotes was expected',
  'first name': 'a name in double quotes or "}" was expected',
  colon: '":" was expected',
  separator: '"," or the end of the list or object was expected',
  end: 'the end of the text was expected',
};

const SPACE = /[\t\n\r ]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SCALAR = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![0-9A-Za-z_.+-])/y;

/**
 * Finds the first place where a text that JSON.parse refused breaks the grammar (RFC 8259). V8's own message names
 * no place for half of the faults.
 */
export function findJsonFault(text: string): JsonFault {
  const { at, message } = new Scan(text).fault();
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  return { line, column: at - before.lastIndexOf('\n'), message };
}

/** One pass over the text, without recursion: the text may be nested as deeply as it likes. */
class Scan {
  readonly #text: string;
  readonly #open: string[] = [];
  #expected: Expected = 'value';
  #at = 0;
  #complaint: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  fault(): { at: number; message: string } {
    do this.#skip(SPACE);
    while (this.#at < this.#text.length && this.#take(this.#text.charAt(this.#at)));
    return { at: this.#at, message: this.#complaint ?? `${WHAT[this.#expected]}, ${this.#found()}` };
  }

  #found(): string {
    const code = this.#text.codePointAt(this.#at);
    return code === undefined ? 'the text ends' : `found ${JSON.stringify(String.fromCodePoint(code))}`;
  }

  #take(char: string): boolean {
    switch (this.#expected) {
      case 'colon':
        return char === ':' && this.#step('value');
      case 'separator':
        return this.#takeSeparator(char);
      case 'first name':
        return char === '}' ? this.#close() : this.#takeName(char);
      case 'name':
        return this.#takeName(char);
      case 'first value':
        return char === ']' ? this.#close() : this.#takeValue(char);
      case 'value':
        return this.#takeValue(char);
      default:
        return false;
    }
  }

  #takeValue(char: string): boolean {
    if (char === '{' || char === '[') {
      this.#open.push(char);
      return this.#step(char === '{' ? 'first name' : 'first value');
    }
    const taken = char === '"' ? this.#takeString() : this.#skip(SCALAR);
    if (taken) this.#ended();
    return taken;
  }

  #takeName(char: string): boolean {
    if (char !== '"' || !this.#takeString()) return false;
    this.#expected = 'colon';
    return true;
  }

  #takeSeparator(char: string): boolean {
    const inObject = this.#open.at(-1) === '{';
    if (char === ',') return this.#step(inObject ? 'name' : 'value');
    return char === (inObject ? '}' : ']') && this.#close();
  }

  #takeString(): boolean {
    const start = this.#at++;
    do this.#skipPlain();
    while (this.#skip(ESCAPE));
    const char = this.#text.charAt(this.#at);
    if (char === '"') {
      this.#at++;
      return true;
    }
    if (char === '') {
      this.#at = start;
      this.#complaint = 'this text in double quotes has no end';
    } else if (char === '\\') this.#complaint = 'this is no escape sequence of JSON';
    else this.#complaint = 'a text in double quotes holds a raw control character';
    return false;
  }

  #skipPlain(): void {
    let char = this.#text.charAt(this.#at);
    while (char >= ' ' && char !== '"' && char !== '\\') char = this.#text.charAt(++this.#at);
  }

  #close(): boolean {
    this.#open.pop();
    this.#at++;
    return this.#ended();
  }

  #ended(): boolean {
    this.#expected = this.#open.length === 0 ? 'end' : 'separator';
    return true;
  }

  #step(expected: Expected): boolean {
    this.#expected = expected;
    this.#at++;
    return true;
  }

  /** Moves behind what the pattern matches here; whether that is anything. */
  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const length = pattern.exec(this.#text)?.[0].length ?? 0;
    this.#at += length;
    return length > 0;
  }
}
