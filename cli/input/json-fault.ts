import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';

/** Where a text stops being JSON. Lines and columns count from 1. */
interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** What was expected, by the name of jsonc-parser's error code. Every other code means that a value was expected. */
const EXPECTATIONS: Readonly<Record<string, string>> = {
  PropertyNameExpected: 'a name in double quotes was expected',
  ColonExpected: '":" was expected',
  CommaExpected: '"," or the end of the list or object was expected',
  CloseBracketExpected: '"," or the end of the list or object was expected',
  CloseBraceExpected: '"," or the end of the list or object was expected',
  EndOfFileExpected: 'the end of the text was expected',
};

/**
 * Finds the first place where a text that JSON.parse refused breaks the grammar (RFC 8259). V8's own message names no
 * place for half of the faults. The search is recursive, so the depth of the text must be limited.
 */
export function findJsonFault(text: string): JsonFault {
  const fault = firstFault(text);
  const inString = text.charAt(fault.offset) === '"' ? faultInString(text, fault.offset) : undefined;
  if (inString !== undefined) return { ...placeOf(inString.offset, text), message: inString.message };
  const expected = EXPECTATIONS[expectationAt(fault, text)] ?? 'a value was expected';
  return { ...placeOf(fault.offset, text), message: `${expected}, ${foundAt(fault.offset, text)}` };
}

interface SyntaxFault {
  /** The name of jsonc-parser's error code. */
  readonly code: string;
  readonly offset: number;
  readonly length: number;
}

function firstFault(text: string): SyntaxFault {
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true });
  const [first] = errors;
  if (first === undefined) return { code: 'ValueExpected', offset: 0, length: 0 };
  return { code: printParseErrorCode(first.error), offset: first.offset, length: first.length };
}

/** The error codes for a word, a comment or a number that is not JSON. */
const NOT_JSON = ['InvalidSymbol', 'InvalidCommentToken', 'UnexpectedEndOfNumber'];

/**
 * The error code that says what was expected at a fault. jsonc-parser does not say it for a token that is not JSON. But
 * it does for one that is, so put `null` in its place.
 */
function expectationAt({ code, offset, length }: SyntaxFault, text: string): string {
  if (!NOT_JSON.includes(code)) return code;
  const known = firstFault(`${text.slice(0, offset)}null${text.slice(offset + length)}`);
  return known.offset === offset ? known.code : 'ValueExpected';
}

/** A valid escape sequence, or one character that ends a string or may not stand in it. */
const ESCAPE_OR_STOP = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|["\\]|[^\x20-\uffff]/g;

/** The first fault inside the string that starts at `start`; undefined when the string itself is valid. */
function faultInString(text: string, start: number): { offset: number; message: string } | undefined {
  for (const { 0: found, index } of text.slice(start + 1).matchAll(ESCAPE_OR_STOP)) {
    const offset = start + 1 + index;
    if (found === '"') return undefined;
    if (found === '\\') return { offset, message: 'this is no escape sequence of JSON' };
    if (found.length === 1)
      return { offset, message: 'a text in double quotes holds a raw control character' };
  }
  return { offset: start, message: 'this text in double quotes has no end' };
}

function placeOf(offset: number, text: string): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

function foundAt(offset: number, text: string): string {
  const code = text.codePointAt(offset);
  return code === undefined ? 'the text ends' : `found ${JSON.stringify(String.fromCodePoint(code))}`;
}
