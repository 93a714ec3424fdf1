import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { authorLog } from '../../../../worker-node/operations/author-log.ts';
import { endlessJson, HOSTILE } from '../../../support/authors-mistakes.ts';

const JOB = { job_id: 'job-1', operation: 'echo', tenant: 'acme', attempt: 1 };

/** The lines that an author's code logs. */
function linesOf(work: (log: ReturnType<typeof authorLog>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  const log = pino(
    { level: 'debug', base: { service: 'w' }, timestamp: false },
    { write: (line) => void lines.push(line) },
  );
  work(authorLog(log, JOB));
  return lines.map((line) => JSON.parse(line));
}

/** Calls a method of the log as a program without types can. */
const logging =
  (...given: unknown[]) =>
  (log: ReturnType<typeof authorLog>) =>
    (log.info as (...given: unknown[]) => void)(...given);

describe('a log line of an author', () => {
  it('says which job it belongs to', () => {
    expect(linesOf((log) => log.warn('hello'))).toEqual([{ level: 40, service: 'w', ...JOB, msg: 'hello' }]);
  });

  it('keeps the author’s fields apart from ours', () => {
    const fields = {
      level: 'x',
      time: 1,
      trace_id: 't',
      msg: 'm',
      service: 's',
      job_id: 'j',
      operation: 'o',
      pid: 7,
    };
    expect(linesOf((log) => log.info(fields, 'hello'))).toEqual([
      { level: 30, service: 'w', ...JOB, data: fields, msg: 'hello' },
    ]);
  });

  it.each<[string, unknown[], Record<string, unknown>]>([
    ['fields alone', [{ a: 1 }], { data: { a: 1 }, msg: '' }],
    ['a message with placeholders', ['%s of %d', 'one', 2], { msg: 'one of 2' }],
    ['fields and placeholders', [{ a: 1 }, '%s', 'one'], { data: { a: 1 }, msg: 'one' }],
    [
      'an error',
      [new Error('lost')],
      { msg: 'lost', data: { error: expect.stringMatching(/^Error: lost\n/) } },
    ],
    ['an error and a message', [new Error('lost'), 'again'], { msg: 'again' }],
    [
      'an error among the fields',
      [{ err: new Error('lost') }, 'again'],
      { data: { err: expect.stringMatching(/^Error: lost\n/) } },
    ],
    ['a Map and a BigInt', [{ map: new Map([[1, 2]]), n: 1n }], { data: { map: [[1, 2]], n: '1' } }],
    ['nothing', [], { msg: 'undefined' }],
    ['a number', [7], { msg: '7' }],
    ['a symbol', [Symbol('a')], { msg: 'Symbol(a)' }],
    ['an array', [[1, 2], 'two'], { data: [1, 2], msg: 'two' }],
  ])('holds %s', (_what, given, line) => {
    expect(linesOf(logging(...given))).toMatchObject([line]);
  });

  it('is cut if it is too long', () => {
    const [line] = linesOf(logging({ text: 'x'.repeat(1_000_000) }, 'y'.repeat(1_000_000)));
    expect(JSON.stringify(line).length).toBeLessThan(40_000);
  });

  it.each<[string, unknown[]]>([
    ['among the fields', [{ all: endlessJson() }, 'hello']],
    ['as JSON in the message', ['%j', endlessJson()]],
    ['as a number in the message', ['%d', endlessJson()]],
    ['after the message', ['hello', endlessJson()]],
    ['as the message of an error', [Object.assign(new Error(), { message: { all: endlessJson() } })]],
  ])('holds the beginning of a value without an end: %s', (_what, given) => {
    const [line] = linesOf(logging(...given));
    expect(JSON.stringify(line).length).toBeLessThan(40_000);
  });

  it('tells all of a value that fits, whatever JSON leaves out of it', () => {
    const fields = { list: Array.from({ length: 1_000 }, (_, n) => n), last: true };
    const methods = Object.fromEntries(fields.list.map((n) => [`method number ${n} is no JSON`, () => n]));
    expect(linesOf(logging({ ...methods, ...fields }, '%j', fields))).toMatchObject([
      { data: fields, msg: JSON.stringify(fields) },
    ]);
  });

  it('is written if its fields go in a circle', () => {
    const fields: Record<string, unknown> = { a: 1 };
    fields.self = fields;
    expect(linesOf(logging(fields, 'hello'))).toMatchObject([
      { data: expect.stringContaining('a: 1'), msg: 'hello' },
    ]);
  });

  it('never throws, and is always one line of our own, whatever it is given', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.anything(), fc.constant('hostile'))), (given) => {
        // fast-check looks at each value, which this one does not bear.
        const values = given.map((value) => (value === 'hostile' ? HOSTILE : value));
        expect(linesOf(logging(...values))).toMatchObject([{ service: 'w', ...JOB }]);
      }),
    );
  });
});
