import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findJsonFault } from '../../../../../shared/text/json/json-fault.ts';
import { cpuMs } from '../../../support.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('the fault of a text that is not JSON', () => {
  it.each([
    ['{"a": abc}', 1, 7, 'a value was expected, found "a"'],
    ['{"a":1,}', 1, 8, 'a name in double quotes was expected, found "}"'],
    ['{a:1}', 1, 2, 'a name in double quotes was expected, found "a"'],
    ['{"a" 1}', 1, 6, '":" was expected, found "1"'],
    ['[1 2]', 1, 4, '"," or the end of the list or object was expected, found "2"'],
    ['[1,]', 1, 4, 'a value was expected, found "]"'],
    ['[', 1, 2, 'a value was expected, but the text ends'],
    ['{', 1, 2, 'a name in double quotes was expected, but the text ends'],
    ['[1', 1, 3, '"," or the end of the list or object was expected, but the text ends'],
    ['[]]', 1, 3, 'the end of the text was expected, found "]"'],
    ['{"a":"\\u12g4"}', 1, 7, 'this is not an escape sequence of JSON'],
    ['1.', 1, 2, 'the end of the text was expected, found "."'],
    ['[+1]', 1, 2, 'a value was expected, found "+"'],
    ['[NaN]', 1, 2, 'a value was expected, found "N"'],
    ['{"a":[1}', 1, 8, '"," or the end of the list or object was expected, found "}"'],
    ['{} x', 1, 4, 'the end of the text was expected, found "x"'],
    ['01', 1, 2, 'the end of the text was expected, found "1"'],
    ['[1 x]', 1, 4, '"," or the end of the list or object was expected, found "x"'],
    ['{"a":1} // b', 1, 9, 'the end of the text was expected, found "/"'],
    ['-', 1, 1, 'a value was expected, found "-"'],
    ['[1,tru]', 1, 4, 'a value was expected, found "t"'],
    ['"abc', 1, 1, 'this text in double quotes has no end'],
    ['"a\\x"', 1, 3, 'this is not an escape sequence of JSON'],
    ['["a\nb"]', 1, 4, 'a text in double quotes holds a raw control character'],
    ['[\n1,\r\n 😀]', 3, 2, 'a value was expected, found "😀"'],
    ['{"😀é\ud83d": "👩‍👧", x', 1, 16, 'a name in double quotes was expected, found "x"'],
    ["{'a':1}", 1, 2, 'a name in double quotes was expected, found "\'"'],
  ])('%j is found at line %i, column %i', (text, line, column, message) => {
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    expect(findJsonFault(text)).toEqual({ line, column, message });
  });

  it('is never found after the first wrong character, nor before the token with it', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, position) => {
        const at = position % (json.length + 1);
        const broken = `${json.slice(0, at)}\u0001${json.slice(at)}`;
        const { line, column } = findJsonFault(broken);
        expect(line).toBe(1);
        expect(broken.slice(column - 1, at)).toMatch(/^[\w+.\\-]*$/);
      }),
    );
  });

  it('is found in every text that JSON.parse refuses', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '1',
      '-',
      '.5',
      'null',
      'x',
      '//',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const text = tokens.join('');
        fc.pre(!isJson(text));
        const { line, column } = findJsonFault(text);
        expect(line).toBe(1);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual(text.length + 1);
        // The text before the fault has no fault itself: a character that no JSON text holds is the first one.
        expect(findJsonFault(`${text.slice(0, column - 1)} \u0001`).column).toBe(column + 1);
      }),
    );
  });

  it('is found in linear time, however deep or long the text is', () => {
    for (const part of ['[', '{"a":', '"\\n', '"x', '[1,', ' \n', '"\\\\']) {
      const start = cpuMs();
      findJsonFault(part.repeat(1_000_000));
      expect(cpuMs() - start).toBeLessThan(2_000);
    }
  });
});
