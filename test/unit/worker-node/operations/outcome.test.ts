import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  done,
  isOutcome,
  type Outcome,
  readOutcome,
  reject,
  retry,
  retryAfter,
} from '../../../../worker-node/operations/outcome.ts';
import { HOSTILE } from '../../../support/authors-mistakes.ts';

describe('an outcome', () => {
  it.each<[string, Outcome, Record<string, unknown>]>([
    ['done', done(7), { kind: 'done', result: 7 }],
    ['done without a result', done(), { kind: 'done', result: undefined }],
    ['retry', retry('why'), { kind: 'retry', code: 'operation-failed', message: 'why' }],
    [
      'retryAfter',
      retryAfter(500, 'why'),
      { kind: 'retry-after', code: 'operation-failed', message: 'why', delayMs: 500 },
    ],
    ['reject', reject('why'), { kind: 'reject', code: 'operation-rejected', message: 'why' }],
  ])('%s is plain data that is recognized', (_what, outcome, data) => {
    expect({ ...outcome }).toEqual(data);
    expect(isOutcome(outcome)).toBe(true);
  });

  it.each([
    undefined,
    null,
    'done',
    { kind: 'done', result: 7 },
    { kind: 'retry', code: 'operation-failed', message: 'why' },
    JSON.parse(JSON.stringify(reject('why'))),
  ])('is not a result that looks like one: %j', (value) => {
    expect(isOutcome(value)).toBe(false);
  });

  it('never comes from JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(isOutcome(value)).toBe(false);
      }),
    );
  });
});

/** What the worker makes of an outcome, and the sentences that it logs. */
function reading(outcome: unknown): { readonly outcome: Outcome; readonly said: string[] } {
  const said: string[] = [];
  return { outcome: readOutcome(outcome as Outcome, (sentence) => said.push(sentence)), said };
}

const DAY_MS = 86_400_000;

describe('reading an outcome', () => {
  it('gives a whole number of milliseconds up to a day, whatever number was computed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double({ noNaN: true }), fc.integer()), (delayMs) => {
        const { outcome, said } = reading(retryAfter(delayMs, 'why'));
        const waited = 'delayMs' in outcome ? outcome.delayMs : Number.NaN;
        expect(Number.isInteger(waited) && waited >= 0 && waited <= DAY_MS).toBe(true);
        expect(said).toEqual([]);
      }),
    );
  });

  it.each([
    [6_000.123456789, 6_000],
    [-1, 0],
    [1e300, DAY_MS],
    [Number.POSITIVE_INFINITY, DAY_MS],
    [Number.NEGATIVE_INFINITY, 0],
  ])('takes a delay of %d for %d', (delayMs, waited) => {
    expect(reading(retryAfter(delayMs, 'why')).outcome).toMatchObject({
      kind: 'retry-after',
      delayMs: waited,
    });
  });

  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [Number.NaN, 'NaN'],
    ['5s', 'the text "5s"'],
    [5n, 'a BigInt'],
    [new Date(), 'a Date'],
    [[5], 'an array'],
    [() => 5, 'a function'],
  ])('takes no delay that is not a number, and says once what it was given: %s', (delayMs, given) => {
    const { outcome, said } = reading(retryAfter(delayMs as number, 'why'));
    expect(outcome).toEqual({ kind: 'retry', code: 'operation-failed', message: 'why' });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(given);
  });

  it.each<[unknown, string]>([
    [undefined, 'the operation asked for another attempt'],
    ['', 'the operation asked for another attempt'],
    [{ why: 1 }, '{"why":1}'],
    [new Error('busy'), 'busy'],
    [Symbol('busy'), 'Symbol(busy)'],
    [() => 'secret', 'a function'],
    ['two\nlines', 'two lines'],
  ])('gives a message that is one line of text, whatever was passed for it', (message, text) => {
    expect(reading(retry(message as string)).outcome).toMatchObject({ message: text });
    expect(reading(retryAfter(5, message as string)).outcome).toMatchObject({ message: text });
  });

  it('never throws, whatever an author changed in it', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (kind, message, delayMs) => {
        const changed = Object.assign({ ...reject('no') }, { kind, message, delayMs });
        expect(['done', 'retry', 'retry-after', 'reject']).toContain(reading(changed).outcome.kind);
      }),
    );
  });
});

describe('a value that throws whenever anybody looks at it', () => {
  it('is no outcome', () => {
    expect(isOutcome(HOSTILE)).toBe(false);
  });
});
