import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CliError } from '../../../../cli/cli-error.ts';
import { readJobInput } from '../../../../cli/input/job-input.ts';
import { findJsonFault } from '../../../../cli/input/json-fault.ts';

const signal = new AbortController().signal;

function read(argument: string | undefined, stdin: Readable = Readable.from([])): Promise<unknown> {
  return readJobInput(argument, { stdin, signal });
}

async function file(content: string | Uint8Array): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'throughline-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'input.json');
  await writeFile(path, content);
  return path;
}

describe('the input of a job', () => {
  it('is null when there is none, and standard input is not read', async () => {
    const stdin = new Readable({
      read() {
        throw new Error('read');
      },
    });
    expect(await read(undefined, stdin)).toBeNull();
  });

  it.each([
    ['{"a":[1,true,null]}', { a: [1, true, null] }],
    ['"-"', '-'],
    ['-5', -5],
    [' 1.5e3 ', 1500],
  ])('is JSON on the command line: %s', async (argument, value) => {
    expect(await read(argument)).toEqual(value);
  });

  it('is a file after @, with or without a byte order mark', async () => {
    expect(await read(`@${await file('{"a":"ä"}')}`)).toEqual({ a: 'ä' });
    expect(await read(`@${await file('\ufeff[1]\n')}`)).toEqual([1]);
  });

  it('is standard input for -, however it is cut into chunks', async () => {
    const bytes = Buffer.from('{"a":"ä€😀"}');
    const pieces = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    expect(await read('-', Readable.from(pieces, { objectMode: false }))).toEqual({ a: 'ä€😀' });
  });

  it.each([
    ['a file that is not there', async () => '@no/such/file', /the file "no\/such\/file" cannot be read/],
    ['a file that is not UTF-8', async () => `@${await file(Buffer.from([0x22, 0xff, 0x22]))}`, /not UTF-8/],
    ['no JSON at all', async () => 'hello', /not JSON: line 1, column 1: a value was expected, found "h"/],
    ['an empty text', async () => '', /line 1, column 1: a value was expected, the text ends/],
    ['a fault on a later line', async () => `@${await file('{\n  "a": 1,\n}')}`, /line 3, column 1/],
    ['absurd nesting', async () => '['.repeat(100_000), /nested deeper than/],
  ])('is refused: %s', async (_, argument, message) => {
    const thrown = await read(await argument()).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(CliError);
    expect(thrown).toMatchObject({ code: 'usage-invalid', message: expect.stringMatching(message) });
  });

  it('is refused when standard input is too large, before its end', async () => {
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(64 * 1024, 0x20));
      },
    });
    await expect(read('-', endless)).rejects.toThrow('standard input is larger than');
    expect(endless.destroyed).toBe(true);
  });

  it('is not waited for after Ctrl-C', async () => {
    const silent = new Readable({ read: () => undefined });
    const interrupt = new AbortController();
    const reading = readJobInput('-', { stdin: silent, signal: interrupt.signal });
    interrupt.abort(new CliError('interrupted', 'interrupted'));
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
  });
});

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
    ['[', 1, 2, '"," or the end of the list or object was expected, the text ends'],
    ['{"a":[1}', 1, 8, '"," or the end of the list or object was expected, found "}"'],
    ['{} x', 1, 4, 'the end of the text was expected, found "x"'],
    ['01', 1, 2, 'the end of the text was expected, found "1"'],
    ['[1 x]', 1, 4, '"," or the end of the list or object was expected, found "x"'],
    ['{"a":1} // b', 1, 9, 'the end of the text was expected, found "/"'],
    ['-', 1, 1, 'a value was expected, found "-"'],
    ['[1,tru]', 1, 4, 'a value was expected, found "t"'],
    ['"abc', 1, 1, 'this text in double quotes has no end'],
    ['"a\\x"', 1, 3, 'this is no escape sequence of JSON'],
    ['["a\nb"]', 1, 4, 'a text in double quotes holds a raw control character'],
    ['[\n1,\r\n 😀]', 3, 2, 'a value was expected, found "😀"'],
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
});
