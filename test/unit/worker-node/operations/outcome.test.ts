import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  done,
  isOutcome,
  type Outcome,
  reject,
  retry,
  retryAfter,
} from '../../../../worker-node/operations/outcome.ts';

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

  it('waits a finite time that is not negative, whatever delay was computed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity)), (delayMs) => {
        const outcome = retryAfter(delayMs, 'why');
        expect(outcome).toHaveProperty('delayMs');
        const waited = 'delayMs' in outcome ? outcome.delayMs : Number.NaN;
        expect(Number.isFinite(waited) && waited >= 0).toBe(true);
      }),
    );
  });
});
