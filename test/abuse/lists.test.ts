import { expect, it } from 'vitest';
import { withTestStack } from '../support/stack.ts';
import { tenants } from '../support/tenants.ts';

const BATCHES = 10;
/** Each asks for another page, so that none of them is the answer to another one. */
const LISTS = 100;

it('A26: the list of one tenant does not wait for all lists that another one has asked for before', async () => {
  const { callers, API_KEYS } = await tenants('loud', 'quiet');
  const { url } = await withTestStack({ edge: { API_KEYS } });
  const jobs = Array.from({ length: 100 }, () => ({
    operation: 'echo',
    input: 1,
    delay: '1h',
    tags: ['a', 'b'],
  }));
  for (let batch = 0; batch < BATCHES; batch++) {
    const response = await callers.loud.call(url, '/v1/jobs/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jobs }),
    });
    expect(response.status).toBe(207);
  }
  const list = async (caller: 'loud' | 'quiet', query: string): Promise<number> => {
    const response = await callers[caller].call(url, `/v1/jobs?${query}`);
    await response.arrayBuffer();
    return response.status;
  };
  expect(await list('quiet', 'limit=1')).toBe(200);
  let answered = 0;
  // No job has failed, so each page looks at all jobs of the tag.
  const flood = Array.from({ length: LISTS }, async (_, place) => {
    const status = await list('loud', `tag=a&tag=b&state=failed&limit=${place + 1}`);
    // On a slow machine the last ones of so many are too late.
    expect([200, 503]).toContain(status);
    answered++;
  });
  // A first answer shows that the requests have arrived.
  await Promise.race(flood);
  const before = answered;
  expect(await list('quiet', 'limit=1')).toBe(200);
  const meanwhile = answered - before;
  await Promise.all(flood);
  process.stderr.write(
    `A26: ${meanwhile} lists of another tenant were answered before the one of this tenant\n`,
  );
  expect(meanwhile).toBeLessThan(LISTS / 2);
});
