import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CliError } from '../../../../cli/cli-error.ts';
import { readJobInput } from '../../../../cli/input/job-input.ts';

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
    [
      'a file that is not UTF-8',
      async () => `@${await file(Buffer.from([0x22, 0xff, 0x22]))}`,
      /not UTF-8: line 1, column 2/,
    ],
    ['no JSON at all', async () => 'hello', /not JSON: line 1, column 1: a value was expected, found "h"/],
    ['an empty text', async () => '', /line 1, column 1: a value was expected, but the text ends/],
    ['a fault on a later line', async () => `@${await file('{\n  "a": 1,\n}')}`, /line 3, column 1/],
    ['absurd nesting', async () => '['.repeat(100_000), /nested deeper than/],
    ['an id beyond 2^53', async () => '{"a":[{"id":9007199254740993}]}', /\/a\/0\/id: 9007199254740993 /],
    ['a number without end', async () => `@${await file('[1e400]')}`, /\/0: 1e400 /],
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
