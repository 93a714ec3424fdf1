import { describe, expect, it } from 'vitest';
import { ThroughlineError } from '../../../../shared/errors.ts';
import { verdictOfAnswer, verdictOfThrow } from '../../../../worker-node/callbacks/callback-verdict.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');

describe('the pause that a receiver asks for in Retry-After', () => {
  it.each<[string | undefined, number]>([
    [undefined, 0],
    ['7', 7_000],
    ['7200', 7_200_000],
    ['99999999999', 99_999_999_999_000],
    ['0', 0],
    ['-1', 0],
    ['1.5', 0],
    ['soon', 0],
    ['', 0],
    ['Fri, 02 Jan 2026 03:05:05 GMT', 60_000],
    ['Friday, 02-Jan-26 03:05:05 GMT', 60_000],
    ['Fri Jan  2 03:05:05 2026', 60_000],
    ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
    ['Fri, nonsense', 0],
  ])('%s is %i ms', (retryAfter, ms) => {
    for (const status of [429, 503])
      expect(verdictOfAnswer({ status, retryAfter, traceResponse: undefined }, NOW).notBeforeMs).toBe(ms);
  });
});

describe('a POST without an answer', () => {
  it('tells only what our own errors say', () => {
    const foreign = Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:443'), { code: 'ECONNREFUSED' });
    const { error } = verdictOfThrow(foreign, undefined);
    expect(error).toMatchObject({ code: 'callback-failed', cause: foreign });
    expect(error?.message).not.toMatch(/ECONN|10\.0/);
    const refused = new ThroughlineError('target-refused', 'http://acme.example is not https');
    expect(verdictOfThrow(refused, undefined).error).toBe(refused);
  });

  it('says that the time is over, if that is why', () => {
    const { error } = verdictOfThrow(new Error('aborted'), 'no answer within 5 ms');
    expect(error).toMatchObject({ code: 'callback-failed', message: 'no answer within 5 ms' });
  });
});
