import { describe, expect, it } from 'vitest';
import { ThroughlineClient } from '../../../client/index.ts';
import { writeRequestBody } from '../../../client/request-body.ts';
import { refusalOf } from '../support.ts';

describe('the body of a request', () => {
  it('is the JSON of a value', () => {
    const date = new Date(0);
    const body = { a: [1, { b: null }], date, 'x/y': 1e300 };
    expect(writeRequestBody(body)).toBe(JSON.stringify(body));
    expect(writeRequestBody('x')).toBe('"x"');
  });

  it('names the path of each number that JSON does not have', async () => {
    const shared = { 'x/y': Number.NaN };
    const input = [1, shared, { deep: [shared, Number.NEGATIVE_INFINITY] }, 2n ** 64n];
    const error = await refusalOf(() => writeRequestBody({ operation: 'echo', input }));
    expect(error.code).toBe('request-invalid');
    expect(error.violations.map(({ path }) => path)).toEqual([
      '/input/1/x~1y',
      '/input/2/deep/0/x~1y',
      '/input/2/deep/1',
      '/input/3',
    ]);
    expect(error.message).toContain('/input/3: 18446744073709551616 is no number of JSON; send it as text');
  });

  it('is refused before anything is sent', async () => {
    const sent: string[] = [];
    const fetch = async (url: string | URL | Request): Promise<Response> => {
      sent.push(String(url));
      return new Response();
    };
    const client = new ThroughlineClient({
      url: 'https://edge.example',
      fetch: fetch as typeof globalThis.fetch,
    });
    const error = await refusalOf(() => client.submit({ operation: 'echo', input: { n: Number.NaN } }));
    expect(error.violations).toMatchObject([{ path: '/input/n' }]);
    expect(sent).toEqual([]);
  });
});
