import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chunksOf, readBatch } from '../../../../cli/input/batch-input.ts';

const source = (text = '') => ({ stdin: Readable.from([text]), signal: new AbortController().signal });
const read = (text: string): Promise<unknown[]> => readBatch('-', source(text));

describe('a batch', () => {
  it.each([
    ['a JSON list', '[{"a":1},\n {"a":2}]'],
    ['a job in each line', '{"a":1}\n{"a":2}\n'],
    ['lines with CR LF, and empty ones', '\r\n{"a":1}\r\n\r\n{"a":2}'],
  ])('may be %s', async (_, text) => {
    expect(await read(text)).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('may be a file', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'throughline-batch-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = path.join(directory, 'jobs.jsonl');
    await writeFile(file, '{"a":1}');
    expect(await readBatch(file, source())).toEqual([{ a: 1 }]);
    await expect(readBatch(`${file}x`, source())).rejects.toThrow('cannot be read');
  });

  it.each([
    ['{"a":1}\n{"a":', 'standard input is not JSON: line 2, column 6: a value was expected'],
    ['1\r\n\r\n{"a":1e999}', 'line 3 of standard input would be changed when it is read: /a: '],
    ['[{"a":1},', 'standard input is not JSON'],
    ['', 'standard input holds no jobs'],
    ['[]', 'standard input holds no jobs'],
  ])('%j is refused with the place of its fault', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  it('is cut into chunks that the API takes, in order', () => {
    const jobs = Array.from({ length: 201 }, (_, index) => index);
    expect([...chunksOf(jobs)].map(({ offset, jobs: { length } }) => [offset, length])).toEqual([
      [0, 100],
      [100, 100],
      [200, 1],
    ]);
    const large = Array.from({ length: 40 }, () => 'x'.repeat(256 * 1024));
    const cut = [...chunksOf(large)];
    expect(cut.flatMap(({ jobs: some }) => some)).toEqual(large);
    expect(cut.map(({ offset }) => offset)).toEqual([0, 15, 30]);
    expect([...chunksOf(['y'.repeat(5_000_000), 1])].map(({ offset }) => offset)).toEqual([0, 1]);
  });
});
