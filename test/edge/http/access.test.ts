import { describe, expect, it } from 'vitest';
import { parseRateLimitPolicy } from '../../../edge/access/rate-limit-policy.ts';
import { type Env, edgeConfig } from '../../../edge/config.ts';
import { createApp } from '../../../edge/http/app.ts';
import { readRequestContext } from '../../../edge/http/request-context.ts';
import { refusalOf } from '../../unit/support.ts';
import { edgeEnv } from '../support/edge-env.ts';
import { KEY, problemIn, setup } from './app-support.ts';

const TOKENS = {
  JWT_JWKS_URL: 'https://issuer.example/jwks',
  JWT_ISSUER: 'https://issuer.example/',
  JWT_AUDIENCE: 'throughline',
};
const entry = { id: 'ci', tenant: 'acme', hash: 'a'.repeat(64) };
const env = (more: Record<string, unknown> = {}): Env =>
  edgeEnv({ API_KEYS: JSON.stringify([entry]), ...more });

describe('every route under /v1', () => {
  const routes = createApp().routes.filter(({ path, method }) => path.startsWith('/v1/') && method !== 'ALL');

  const NAMES = [
    'POST /v1/jobs',
    'POST /v1/jobs/batch',
    'GET /v1/jobs',
    'GET /v1/jobs/:id',
    'GET /v1/jobs/:id/events',
    'DELETE /v1/jobs/:id',
    'GET /v1/operations',
    'GET /v1/usage',
    'GET /v1/schedules',
    'GET /v1/schedules/:name',
    'PUT /v1/schedules/:name',
    'DELETE /v1/schedules/:name',
    'POST /v1/schedules/:name/pause',
    'POST /v1/schedules/:name/resume',
    'POST /v1/schedules/:name/trigger',
    'POST /v1/jobs/cancel',
    'GET /v1/dead-letters',
    'GET /v1/dead-letters/:id',
    'POST /v1/dead-letters/:id/redrive',
    'POST /v1/dead-letters/redrive',
    'GET /v1/outbox',
    'POST /v1/outbox/:id/retry',
    'DELETE /v1/outbox/:id',
  ];

  it('is one of these', () => {
    const names = new Set(routes.map(({ method, path }) => `${method} ${path}`));
    expect([...names].sort()).toEqual(NAMES.toSorted());
  });

  it.each(NAMES)('%s asks for a scope first', (name) => {
    const own = routes.filter(({ method, path }) => `${method} ${path}` === name);
    expect(own[0]?.handler.name).toBe('requireScope');
  });
});

describe('the access settings', () => {
  it('accept no token and no other origin by default', () => {
    expect(edgeConfig(env())).toMatchObject({
      JWT_ALGORITHMS: ['RS256', 'ES256', 'EdDSA'],
      JWT_TENANT_CLAIM: 'tenant',
      JWT_SCOPE_CLAIM: 'scope',
      CORS_ORIGINS: [],
    });
  });

  it('are read as lists', () => {
    const config = edgeConfig(
      env({
        ...TOKENS,
        JWT_ALGORITHMS: 'ES256, PS512',
        CORS_ORIGINS: 'https://a.example, http://localhost:3000',
      }),
    );
    expect(config.JWT_ALGORITHMS).toEqual(['ES256', 'PS512']);
    expect(config.CORS_ORIGINS).toEqual(['https://a.example', 'http://localhost:3000']);
    expect(edgeConfig(env({ CORS_ORIGINS: '*' })).CORS_ORIGINS).toEqual(['*']);
  });

  it.each<[string, unknown]>([
    ['API_KEYS', JSON.stringify([{ ...entry, scopes: ['jobs:all'] }])],
    ['API_KEYS', JSON.stringify([{ ...entry, scopes: 'jobs:read' }])],
    ['JWT_JWKS_URL', 'http://issuer.example/jwks'],
    ['JWT_JWKS_URL', 'file:///etc/keys'],
    ['JWT_JWKS_URL', 'https://ann:pw@issuer.example/jwks'],
    ['JWT_JWKS_URL', undefined],
    ['JWT_ISSUER', undefined],
    ['JWT_AUDIENCE', ''],
    ['JWT_ALGORITHMS', 'none'],
    ['JWT_ALGORITHMS', 'RS256,none'],
    ['JWT_ALGORITHMS', 'HS256'],
    ['JWT_ALGORITHMS', 'rs256'],
    ['JWT_ALGORITHMS', 'constructor'],
    ['JWT_ALGORITHMS', ','],
    ['JWT_TENANT_CLAIM', 'a b'],
    ['JWT_SCOPE_CLAIM', 'x'.repeat(129)],
    ['CORS_ORIGINS', 'app.example'],
    ['CORS_ORIGINS', 'https://app.example/'],
    ['CORS_ORIGINS', 'https://*.app.example'],
    ['CORS_ORIGINS', 'https://app.example,*'],
    ['CORS_ORIGINS', 'null'],
    ['RATE_LIMITER', 'yes'],
    ['RATE_LIMITER', {}],
    ['RATE_LIMIT_POLICY', '100'],
    ['RATE_LIMIT_POLICY', '0;w=60'],
    ['RATE_LIMIT_POLICY', '100;w=30'],
    ['RATE_LIMIT_POLICY', '1e3;w=60'],
  ])('refuse %s = %j, and name it', async (key, value) => {
    const error = await refusalOf(() => edgeConfig(env({ ...TOKENS, [key]: value })));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(new RegExp(`^${key}: `));
  });

  it.each([
    'JWT_JWKS_URL',
    'JWT_ISSUER',
    'JWT_AUDIENCE',
    'CORS_ORIGINS',
    'RATE_LIMIT_POLICY',
    'JWT_ALGORITHMS',
  ] as const)('%s is as good as unset when it is an empty text', (key) => {
    expect(edgeConfig(env({ [key]: '' }))[key]).toEqual(edgeConfig(env())[key]);
  });

  it('read a policy as requests and seconds', () => {
    expect(parseRateLimitPolicy(' 100; w=60 ')).toEqual({ quota: 100, windowSeconds: 60 });
    expect(parseRateLimitPolicy('7;w=10')).toEqual({ quota: 7, windowSeconds: 10 });
  });
});

describe('a token, if tokens are not set up', () => {
  it('is refused, and only the log tells the reason', async () => {
    const request = new Request('https://edge.example/', { headers: { authorization: 'Bearer a.b.c' } });
    expect(
      await readRequestContext(request, edgeConfig(env()), { waitUntil: () => undefined }),
    ).toMatchObject({
      refusal: 'tokens-not-accepted',
      trusted: false,
    });
  });
});

describe('the rate limit', () => {
  const limiterThat = (answer: () => Promise<{ success: boolean }>) => {
    const keys: string[] = [];
    const limit = ({ key }: { key: string }) => {
      keys.push(key);
      return answer();
    };
    return { keys, limiter: { limit } };
  };
  const send = async (limiter: object, path = '/v1/operations', authorization = `Bearer ${KEY}`) => {
    const { send, logged } = await setup({}, { RATE_LIMITER: limiter });
    return { response: await send(path, { headers: { authorization } }), logged };
  };

  it('counts requests by tenant, and only those with a valid key', async () => {
    const { keys, limiter } = limiterThat(async () => ({ success: true }));
    const { response } = await send(limiter);
    expect(response.status).toBe(200);
    expect(response.headers.get('ratelimit-policy')).not.toContain('locationRequests');
    await send(limiter, '/v1/operations', 'Bearer x');
    await send(limiter, '/healthz');
    expect(keys).toEqual(['acme']);
  });

  it('asks to wait for the longest window if no policy is set', async () => {
    const { limiter } = limiterThat(async () => ({ success: false }));
    const { response } = await send(limiter);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('60');
    expect(await problemIn(response)).toMatchObject({ code: 'rate-limited' });
  });

  it('lets requests through while the limiter fails, and logs the failure', async () => {
    const { limiter } = limiterThat(() => Promise.reject(new Error('no counter')));
    const { response, logged } = await send(limiter);
    expect(response.status).toBe(200);
    expect(logged).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'the rate limiter failed' }),
    );
  });
});
