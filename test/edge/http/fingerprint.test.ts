import { describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../../edge/http/requests/fingerprint.ts';
import { SubmitJob } from '../../../shared/api/submit-job.ts';

const of = (body: unknown): Promise<string> => fingerprintOf(SubmitJob.parse(body));

describe('the fingerprint of a request', () => {
  it('is 64 hex digits', async () => {
    expect(await of({ operation: 'echo', input: 1 })).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is the same whatever the order of keys, at every depth', async () => {
    const one = await of({ operation: 'echo', input: { a: { x: 1, y: [{ p: 1, q: 2 }] }, b: 2 } });
    const other = await of({ input: { b: 2, a: { y: [{ q: 2, p: 1 }], x: 1 } }, operation: 'echo' });
    expect(other).toBe(one);
  });

  it.each([
    ['another operation', { operation: 'other', input: [1, 2] }],
    ['another input', { operation: 'echo', input: [1, 3] }],
    ['another order in a list', { operation: 'echo', input: [2, 1] }],
    ['a limit of its own', { operation: 'echo', input: [1, 2], maxAttempts: 2 }],
    ['a callback', { operation: 'echo', input: [1, 2], callback: { url: 'https://acme.example/' } }],
    ['another time limit', { operation: 'echo', input: [1, 2], timeout: '5s' }],
    ['a key called __proto__', { operation: 'echo', input: JSON.parse('{"__proto__":[1,2]}') }],
    ['an object instead of a list', { operation: 'echo', input: { 0: 1, 1: 2 } }],
  ])('differs for %s', async (_, body) => {
    expect(await of(body)).not.toBe(await of({ operation: 'echo', input: [1, 2] }));
  });
});
