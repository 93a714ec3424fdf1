import { beforeAll, describe, expect, it } from 'vitest';
import { Job } from '../../shared/job/job.ts';
import { submitRaw } from '../support/http/raw-http.ts';
import { storedCount } from '../support/nats/stored.ts';
import { problemOf, startTestStack, type TestStack } from '../support/stack.ts';
import { type Caller, tenants } from '../support/tenants.ts';

let stack: TestStack;
let acme: Caller;
let globex: Caller;
beforeAll(async () => {
  const { callers, API_KEYS } = await tenants('acme', 'globex');
  ({ acme, globex } = callers);
  stack = await startTestStack({ edge: { API_KEYS } });
});

const echo = (input: unknown) => ({ operation: 'echo', input });

describe('an idempotency key', () => {
  it('A3: of one tenant is unknown to another: the same key makes another job there', async () => {
    const key = { 'idempotency-key': 'order-1' };
    const first = Job.parse(
      await (await acme.submit(stack.url, echo('acme’s'), { ...key, prefer: 'wait=30' })).json(),
    );
    for (const input of ['acme’s', 'globex’s']) {
      // The same key and request, then another request: as if no other tenant had used the key.
      const headers = { 'idempotency-key': `order-1${input === 'acme’s' ? '' : '-b'}`, prefer: 'wait=30' };
      const response = await globex.submit(stack.url, echo(input), headers);
      expect([response.status, response.headers.get('idempotency-replayed')]).toEqual([200, null]);
      const job = Job.parse(await response.json());
      expect(job.result).toBe(input);
      expect(job.id).not.toBe(first.id);
      expect((await acme.call(stack.url, `/v1/jobs/${job.id}`)).status).toBe(404);
    }
    const other = await globex.submit(stack.url, echo('globex’s'), key);
    expect([other.status, (await problemOf(other)).code]).toEqual([422, 'idempotency-key-reused']);
  });

  it('A3: cannot imitate the key of another tenant with the character that joins the two', async () => {
    const ids = new Set<string>();
    for (const key of ['a', '"a"', 'a"', 'a/0', 'acme/a', '%0Aa', 'A']) {
      const response = await acme.submit(stack.url, echo(1), { 'idempotency-key': key });
      ids.add(Job.parse(await response.json()).id);
    }
    // A key means the same with quotes and without.
    expect(ids.size).toBe(6);
  });

  it.each([
    ['is empty', ''],
    ['is empty, in quotes', '""'],
    ['has 256 characters', 'k'.repeat(256)],
    ['has 10 kB', 'k'.repeat(10_000)],
    ['holds a blank', 'a b'],
    ['holds a tab', 'a\tb'],
    ['is no ASCII', 'ü'],
    ['is an emoji, as bytes', '\u00f0\u009f\u0098\u0080'],
    ['is sent twice', 'a\r\nIdempotency-Key: b'],
    ['holds DEL', 'a\u007f'],
  ])('A4: that %s is refused with 400, and no job is made', async (_what, key) => {
    const before = await storedCount(stack);
    const answer = await submitRaw(stack.url, acme.key, `Idempotency-Key: ${key}`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.length).toBeLessThan(4_000);
    expect(await storedCount(stack)).toBe(before);
  });

  it('A4: that is too long for a batch is refused once, for the whole batch', async () => {
    const response = await acme.call(stack.url, '/v1/jobs/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k'.repeat(300) },
      body: JSON.stringify({ jobs: [echo(1), echo(2)] }),
    });
    expect(await response.json()).toMatchObject({ status: 400, code: 'request-invalid' });
  });
});
