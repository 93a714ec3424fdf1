import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HEADERS } from '../../../edge/openapi/headers.ts';
import { answerOf, type Endpoint, entriesOf, KEYS, LIST, sendTo } from '../../support/http/access.ts';
import { startTokenIssuer, type TokenIssuer, tokenSettings } from '../../support/http/token-issuer.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

let issuer: TokenIssuer;
let stack: TestStack;

beforeAll(async () => {
  issuer = await startTokenIssuer();
  stack = await startTestStack({
    edge: { API_KEYS: await entriesOf(), ...tokenSettings(issuer), CORS_ORIGINS: 'https://app.example' },
  });
});
afterAll(() => issuer.stop());

const send = (endpoint: Endpoint, credentials: string, headers: Record<string, string>): Promise<Response> =>
  sendTo(stack.url, endpoint, credentials, headers);

describe('a page of another origin', () => {
  const ORIGIN = 'https://app.example';
  const preflight = (origin: string): Promise<Response> =>
    fetch(`${stack.url}/v1/jobs`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,traceparent',
      },
    });

  it('may send a preflight request, without a key', async () => {
    const { status, headers } = await preflight(ORIGIN);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(headers.get('access-control-allow-methods')?.split(',')).toContain('POST');
    const allowed = headers.get('access-control-allow-headers')?.split(',');
    for (const name of [
      'traceparent',
      'tracestate',
      'baggage',
      'idempotency-key',
      'prefer',
      'authorization',
    ]) {
      expect(allowed).toContain(name);
    }
  });

  it('gets no CORS headers when its origin is not listed', async () => {
    for (const origin of ['https://evil.example', 'https://app.example.evil.example', 'null']) {
      expect((await preflight(origin)).headers.has('access-control-allow-origin')).toBe(false);
      const response = await send(LIST, KEYS.reader, { origin });
      expect(response.headers.has('access-control-allow-origin')).toBe(false);
    }
  });

  it('can read answers and problems, and all headers that the document names', async () => {
    for (const [credentials, status] of [
      [KEYS.reader, 200],
      [KEYS.writer, 403],
      ['x', 401],
    ] as const) {
      const response = await send(LIST, credentials, { origin: ORIGIN });
      expect(response.status).toBe(status);
      expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(response.headers.get('vary')).toMatch(/origin/i);
      expect(response.headers.has('access-control-allow-credentials')).toBe(false);
      const exposed = response.headers.get('access-control-expose-headers')?.split(',');
      expect(exposed?.map((name) => name.toLowerCase()).sort()).toEqual(
        Object.keys(HEADERS)
          .map((name) => name.toLowerCase())
          .sort(),
      );
    }
  });
});

describe('a tenant that asks too often', () => {
  const POLICY = '"requests";q=20000;w=10, "locationRequests";q=5;w=60';

  it('gets 429 and Retry-After; other tenants do not', async () => {
    const own = await withTestStack({
      edge: { API_KEYS: await entriesOf(), RATE_LIMIT_POLICY: '5;w=60' },
      rateLimit: { limit: 5, period: 60 },
    });
    const ask = async (key: string): Promise<Response> =>
      await fetch(`${own.url}/v1/operations`, { headers: { authorization: `Bearer ${key}` } });
    // The window may end between two requests.
    const refused = await until('a refusal', async () => {
      const response = await ask(KEYS.reader);
      return response.status === 429 && response;
    });
    expect(await answerOf(refused)).toMatchObject({ problem: { code: 'rate-limited' } });
    expect(refused.headers.get('retry-after')).toBe('60');
    expect(refused.headers.get('ratelimit-policy')).toBe(POLICY);
    expect(refused.headers.get('ratelimit')).toBe('"locationRequests";r=0;t=60');
    const other = await ask(KEYS.other);
    expect(other.status).toBe(200);
    expect(other.headers.get('ratelimit-policy')).toBe(POLICY);
    expect(other.headers.has('ratelimit')).toBe(false);
  });
});
