import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJobError, JobError } from '../../../../worker-node/operations/job-error.ts';
import { reportOf, toldOf } from '../../../../worker-node/operations/thrown.ts';
import { endlessJson, HOSTILE, HOSTILE_LIST, revoked } from '../../../support/authors-mistakes.ts';

/** An error that is its own cause. */
function ownCause(): Error {
  const error = new Error('again');
  error.cause = new Error('and again', { cause: error });
  return error;
}

function chain(length: number): Error {
  return length === 0 ? new Error('0') : new Error(String(length), { cause: chain(length - 1) });
}

describe('the report of a throw', () => {
  it.each<[string, unknown, string, string]>([
    ['an Error', new TypeError('lost'), 'TypeError', 'lost'],
    ['an Error without a message', new TypeError(''), 'TypeError', 'TypeError'],
    ['an Error of another realm', runInNewContext('new RangeError("lost")'), 'RangeError', 'lost'],
    [
      'an Error with a cause',
      new Error('a', { cause: new Error('b', { cause: 'c' }) }),
      'Error',
      'a; cause: b; cause: c',
    ],
    [
      'an AggregateError',
      new AggregateError([new Error('a'), new Error('b')], 'both'),
      'AggregateError',
      'both; a; b',
    ],
    [
      'a SuppressedError, as `using` throws it',
      new SuppressedError(new Error('not closed'), new Error('not written', { cause: 'full' }), 'two'),
      'SuppressedError',
      'two; not closed; not written; cause: full',
    ],
    [
      'a SuppressedError of an older Node',
      Object.assign(new Error('two'), { name: 'SuppressedError', error: 'a', suppressed: new Error('b') }),
      'SuppressedError',
      'two; a; b',
    ],
    [
      'an event with an error',
      Object.assign(new Event('error'), { error: new Error('no route') }),
      'an Event',
      expect.stringMatching(/^an Event was thrown, which is not an Error: .*; no route$/),
    ],
    [
      'an object whose message is a getter',
      new (class Fault {
        get message() {
          return 'lost';
        }
      })(),
      'a Fault',
      'a Fault was thrown, which is not an Error: lost',
    ],
    ['a text', 'lost', 'the text "lost"', 'lost'],
    ['an empty text', '', 'an empty text', 'an empty text was thrown, which is not an Error'],
    ['undefined', undefined, 'undefined', 'undefined was thrown, which is not an Error'],
    ['null', null, 'null', 'null was thrown, which is not an Error'],
    ['a number', 404, '404', '404 was thrown, which is not an Error'],
    ['a BigInt', 1n, 'a BigInt', 'a BigInt was thrown, which is not an Error'],
    ['an object', { why: 1 }, 'an object', 'an object was thrown, which is not an Error: {"why":1}'],
    [
      'an object with more bytes than a list can have',
      { bodies: [{ raw: Buffer.alloc(2 ** 32) }] },
      'an object',
      expect.stringContaining('{"bodies":[{"raw":{"type":"Buffer","data":[0,0,'),
    ],
    [
      'an Error with an object as its message',
      Object.assign(new Error(), { message: { why: 1 } }),
      'Error',
      '{"why":1}',
    ],
    ['a function', () => 1, 'a function', 'a function was thrown, which is not an Error'],
    ['a Promise', Promise.resolve(), 'a Promise', 'a Promise was thrown, which is not an Error: {}'],
    [
      'a Proxy that throws',
      HOSTILE,
      'a Proxy',
      'a Proxy was thrown, which is not an Error: a value that cannot be shown',
    ],
    [
      'an object without a prototype',
      Object.create(null),
      'an object',
      'an object was thrown, which is not an Error: {}',
    ],
  ])('is one sentence about %s', (_what, thrown, type, summary) => {
    expect(reportOf(thrown)).toMatchObject({ type, summary });
  });

  it('holds the stacks of the error, its members and its causes', () => {
    const cause = new RangeError('the cause');
    const { text } = reportOf(new AggregateError([new TypeError('the member')], 'all', { cause }));
    expect(text).toMatch(/^AggregateError: all\n +at /);
    expect(text).toMatch(/\nmember: TypeError: the member\n +at /);
    expect(text).toMatch(/\ncaused by: RangeError: the cause\n +at /);
  });

  it('ends if an error causes itself', () => {
    expect(reportOf(ownCause()).summary).toBe('again; cause: and again');
  });

  it('is not endless', () => {
    for (const error of [
      endlessJson(),
      new Error('a', { cause: { body: endlessJson() } }),
      Object.assign(new Error('b'), { message: { all: endlessJson() } }),
      chain(1_000),
      new AggregateError(
        Array.from({ length: 10_000 }, (_, n) => new Error(String(n))),
        'many',
      ),
      Object.assign(new Error('long'), { stack: 'x'.repeat(1_000_000) }),
      new Error('x'.repeat(1_000_000)),
    ]) {
      const { summary, text } = reportOf(error);
      expect(summary.length).toBeLessThan(2_100);
      expect(text.length).toBeLessThan(17_000);
    }
  });

  it.each(['message', 'name', 'stack', 'cause', 'errors'])('survives an error whose %s throws', (key) => {
    const error = Object.defineProperty(new AggregateError([], 'a'), key, {
      get: () => {
        throw new Error('not for you');
      },
    });
    expect(reportOf(error).summary).not.toBe('');
  });

  it.each([
    ['throws', HOSTILE_LIST],
    ['is revoked', revoked([])],
    ['has no slice', Object.assign([new Error('member')], { slice: 7 })],
  ])('survives an error whose list of members %s', (_what, errors) => {
    const thrown = Object.assign(new Error('a'), { errors });
    expect(reportOf(thrown).summary).toMatch(/^a/);
    expect(toldOf(thrown)).toBeUndefined();
  });

  it('has one line and a text, whatever is thrown', () => {
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        const { type, summary, text } = reportOf(thrown);
        expect(summary).toMatch(/^[^\r\n]+$/);
        expect([typeof type, typeof text]).toEqual(['string', 'string']);
        expect(toldOf(thrown)).toBeUndefined();
      }),
    );
  });
});

describe('a job error', () => {
  it('is an Error with a name of its own, also in its stack', () => {
    const error = new JobError('the card was declined');
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('JobError');
    expect(error.stack).toMatch(/^JobError: the card was declined\n/);
    expect(Object.keys(error)).toEqual([]);
  });

  it('is known if it is of a subclass, or of another copy of the module', () => {
    class CardDeclined extends JobError {}
    expect(isJobError(new CardDeclined('no'))).toBe(true);
    expect(isJobError({ [Symbol.for('throughline.job-error')]: true })).toBe(true);
    for (const other of [new Error('no'), 'no', null, undefined, {}, HOSTILE])
      expect(isJobError(other)).toBe(false);
  });

  it('is told in one line of bounded length', () => {
    expect(toldOf(new JobError('two\nlines'))).toBe('two lines');
    expect(toldOf(new JobError('x'.repeat(1_000_000)))?.length).toBeLessThan(2_100);
  });
});

it('a report has only whole characters, even where it is cut and where a text had half of one', () => {
  const cut = new Error(`${'x'.repeat(1_999)}😀`, { cause: new Error('y'.repeat(9_000)) });
  cut.stack = `${'x'.repeat(3_999)}😀`;
  for (const thrown of [cut, new Error('half \ud83d of one'), 'half \ude00', { half: '\ud83d' }]) {
    const { summary, text, type } = reportOf(thrown);
    expect([summary.isWellFormed(), text.isWellFormed(), type.isWellFormed()]).toEqual([true, true, true]);
  }
});
