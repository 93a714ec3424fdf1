import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { exportSPKI, importJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey } from '../../../shared/api/access.ts';
import { Job } from '../../../shared/job/job.ts';
import {
  answerOf,
  ENDPOINTS,
  type Endpoint,
  entriesOf,
  KEYS,
  LIST,
  READ,
  SUBMIT,
  sendTo,
} from '../../support/http/access.ts';
import { bodyOf } from '../../support/http/answers.ts';
import {
  createTestKey,
  rawToken,
  startTokenIssuer,
  type TokenIssuer,
  tokenSettings,
  usualClaims,
} from '../../support/http/token-issuer.ts';
import { storedCount } from '../../support/nats/stored.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

let issuer: TokenIssuer;
let stack: TestStack;
/** A job of tenant acme. */
let jobId: string;
/** The body of a 401, without its trace id. */
let refusal: unknown;

beforeAll(async () => {
  issuer = await startTokenIssuer();
  stack = await startTestStack({
    edge: { API_KEYS: await entriesOf(), ...tokenSettings(issuer), JWT_QUOTAS_CLAIM: 'quotas' },
  });
  const submitted = await send(SUBMIT, KEYS.writer);
  jobId = (await bodyOf(Job, submitted)).id;
  refusal = await answerOf(await send(READ, createApiKey('nobody')));
});

afterAll(() => issuer.stop());

const send = (
  { method, path }: Endpoint,
  credentials: string,
  headers?: Record<string, string>,
): Promise<Response> =>
  sendTo(stack.url, { method, path: path.replace('{id}', jobId) }, credentials, headers);

const storedJobs = (): Promise<number> => storedCount(stack);

const seconds = (offset: number): number => Math.floor(Date.now() / 1_000) + offset;
const all = 'jobs:read jobs:write';

/** Tokens that must be refused, each with the reason in the log. */
const BAD_TOKENS: readonly [string, string, () => Promise<string> | string][] = [
  ['an expired one', 'token-expired', () => issuer.token('acme', all, { claims: { exp: seconds(-60) } })],
  ['one that never expires', 'token-claim', () => issuer.token('acme', all, { claims: { exp: undefined } })],
  [
    'a token that is not valid yet',
    'token-not-yet-valid',
    () => issuer.token('acme', all, { claims: { nbf: seconds(60) } }),
  ],
  [
    'one for another audience',
    'token-audience',
    () => issuer.token('acme', all, { claims: { aud: 'https://other.example' } }),
  ],
  [
    'one with a quota that is no number',
    'token-quotas',
    () => issuer.token('acme', all, { claims: { quotas: { jobs: 'many' } } }),
  ],
  ['one for nobody', 'token-audience', () => issuer.token('acme', all, { claims: { aud: undefined } })],
  [
    'one of another issuer',
    'token-issuer',
    () => issuer.token('acme', all, { claims: { iss: 'https://evil.example/' } }),
  ],
  ['an unsigned one', 'token-algorithm', () => rawToken({ alg: 'none' }, usualClaims('acme', all))],
  [
    'an unsigned one that spells none in its own way',
    'token-algorithm',
    () => rawToken({ alg: 'nOnE', kid: 'rsa-1' }, usualClaims('acme', all), 'AA'),
  ],
  [
    'an HMAC with the public key as its secret (PEM)',
    'token-algorithm',
    async () => {
      const key = await importJWK(issuer.keys.rsa.jwk, 'RS256', { extractable: true });
      return hmacToken('rsa-1', await exportSPKI(key as Exclude<typeof key, Uint8Array>));
    },
  ],
  [
    'an HMAC with the public key as its secret (JWK)',
    'token-algorithm',
    () => hmacToken('rsa-1', JSON.stringify(issuer.keys.rsa.jwk)),
  ],
  [
    'a token with an unknown key id',
    'token-key-unknown',
    () => issuer.token('acme', all, { header: { kid: '../../etc/passwd' } }),
  ],
  [
    "another key's signature under a known key id",
    'token-signature',
    async () => issuer.token('acme', all, { key: await createTestKey('RS256', 'rsa-1') }),
  ],
  [
    'a token that brings its own key',
    'token-signature',
    async () => {
      const key = await createTestKey('RS256', 'rsa-1');
      return issuer.token('acme', all, { key, header: { jwk: key.jwk, jku: 'https://evil.example/jwks' } });
    },
  ],
  [
    'a token whose key is of another kind',
    'token-key-unknown',
    () => issuer.token('acme', all, { key: issuer.keys.ec, header: { kid: 'rsa-1' } }),
  ],
  [
    'a token with a signature algorithm that is not allowed',
    'token-algorithm',
    async () => issuer.token('acme', all, { key: await createTestKey('ES384', 'ec-1') }),
  ],
  [
    'a token that demands an extension',
    'token-malformed',
    () => rawToken({ alg: 'RS256', kid: 'rsa-1', crit: ['x'], x: 1 }, usualClaims('acme', all), 'AA'),
  ],
  ['no JWT at all', 'token-malformed', () => 'abc.def'],
  ['one that is not JSON inside', 'token-malformed', () => 'YQ.YQ.YQ'],
  ...[
    '_unreadable',
    '*',
    '>',
    'a.b',
    'a b',
    'a\u0000b',
    '$JS',
    '🧵',
    '',
    'x'.repeat(65),
    7,
    ['acme'],
    undefined,
  ].map((tenant): [string, string, () => Promise<string>] => [
    `one of the tenant ${JSON.stringify(tenant)}`,
    'token-tenant',
    () => issuer.token(tenant, all),
  ]),
];

function hmacToken(kid: string, secret: string): string {
  const unsigned = rawToken({ alg: 'HS256', kid }, usualClaims('acme', all)).replace(/\.$/, '');
  return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`;
}

describe.each(ENDPOINTS)('$method $path', (endpoint) => {
  it.each(BAD_TOKENS)('A12, A14: is refused with %s (%s)', async (_what, reason, make) => {
    const before = await storedJobs();
    const token = await make();
    const response = await send(endpoint, token);
    const { traceId } = await problemOf(response.clone());
    expect(await answerOf(response)).toEqual(refusal);
    const line = await until('the log line', () =>
      stack.logs().find((fields) => fields.trace_id === traceId && fields.msg === 'request'),
    );
    expect(line).toMatchObject({ status: 401, auth_refusal: reason });
    expect(line).not.toHaveProperty('tenant');
    expect(stack.lines.join('\n')).not.toContain(token);
    expect(await storedJobs()).toBe(before);
  });

  it('refuses a token without the scope, and names the scope', async () => {
    const tokens = [
      await issuer.token('acme', 'dead-letters:read'),
      await issuer.token('acme', undefined),
      await issuer.token('acme', `x${endpoint.scope} ${endpoint.scope}:X`),
      await issuer.token('acme', { [endpoint.scope]: true }),
    ];
    const before = await storedJobs();
    for (const token of tokens) {
      const { status, problem, authenticate } = await answerOf(await send(endpoint, token));
      expect(status).toBe(403);
      expect(problem).toMatchObject({
        code: 'forbidden',
        detail: `the key or token does not have the scope ${endpoint.scope}`,
      });
      expect(authenticate).toBe(
        `Bearer realm="throughline", error="insufficient_scope", scope="${endpoint.scope}"`,
      );
    }
    expect(await storedJobs()).toBe(before);
  });

  it('accepts a token with the scope, whatever signs it, as a text or as a list', async () => {
    const { rsa, ec, ed } = issuer.keys;
    for (const key of [rsa, ec, ed]) {
      const token = await issuer.token('acme', `openid ${endpoint.scope}`, { key });
      expect((await send(endpoint, token)).status).toBe(endpoint.ok);
    }
    const list = await issuer.token('acme', [endpoint.scope], {
      claims: { aud: ['x', usualClaims('', '').aud] },
    });
    expect((await send(endpoint, list)).status).toBe(endpoint.ok);
  });

  it('accepts a token although clocks differ by seconds', async () => {
    const claims = { exp: seconds(-10), nbf: seconds(10) };
    expect((await send(endpoint, await issuer.token('acme', all, { claims }))).status).toBe(endpoint.ok);
  });
});

describe("another tenant's job", () => {
  it('A15: is answered like an unknown id, to a token', async () => {
    const token = await issuer.token('globex', all);
    const foreign = await answerOf(await send(READ, token));
    const unknown = await fetch(`${stack.url}/v1/jobs/nobody`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(foreign.status).toBe(404);
    expect(await answerOf(unknown)).toEqual(foreign);
  });

  it('A11: is unknown to a token that names its tenant in another claim, in the body or in baggage', async () => {
    const token = await issuer.token('globex', all, {
      claims: { __proto__: { tenant: 'acme' }, org: 'acme' },
    });
    const response = await send(READ, token, { baggage: 'tenant=acme', 'x-tenant': 'acme' });
    expect(response.status).toBe(404);
  });
});

describe("the issuer's keys", () => {
  it('are fetched once in a while, not per request, and not per unknown key id', async () => {
    const good = await issuer.token('acme', all);
    const asked = issuer.asked();
    const made = Array.from({ length: 20 }, (_, i) =>
      issuer.token('acme', all, { header: { kid: `made-${i}` } }),
    );
    for (const token of await Promise.all(made)) expect((await send(LIST, token)).status).toBe(401);
    const many = await Promise.all(Array.from({ length: 50 }, () => send(LIST, good)));
    expect(new Set(many.map(({ status }) => status))).toEqual(new Set([200]));
    expect(issuer.asked() - asked).toBeLessThanOrEqual(1);
  });

  it('are fetched once for many first requests at the same time', async () => {
    const fresh = await startTokenIssuer();
    const own = await withTestStack({ edge: { ...tokenSettings(fresh), TRACE_TRUST: 'none' } });
    try {
      fresh.status = 500;
      const ask = async (token: string, signal: AbortSignal | null = null): Promise<Response> =>
        await fetch(`${own.url}/v1/operations`, { headers: { authorization: `Bearer ${token}` }, signal });
      const token = await fresh.token('acme', 'jobs:read');
      expect(await answerOf(await ask(token))).toMatchObject({
        status: 401,
        problem: { code: 'unauthenticated' },
      });
      await until('the log line', () =>
        own
          .logs()
          .find(({ level, reason }) => level === 'error' && String(reason).includes('HTTP status 500')),
      );
      fresh.status = 200;
      // Longer than the pause after a failure, and so long that all of them come before the keys are there.
      await delay(1_500);
      fresh.delayMs = 300;
      expect(fresh.asked()).toBe(1);
      // The first caller leaves before the issuer has answered it. Its fetch still brings the keys for all.
      const left = ask(token, AbortSignal.timeout(100)).catch((thrown: Error) => thrown.name);
      await delay(50);
      const many = await Promise.all(Array.from({ length: 30 }, () => ask(token)));
      expect(new Set(many.map(({ status }) => status))).toEqual(new Set([200]));
      expect(await left).toBe('TimeoutError');
      expect(fresh.asked()).toBe(2);
    } finally {
      await fresh.stop();
    }
  });

  it('A29: are fetched once for 300 made-up key ids at the same time, while the issuer is slow', async () => {
    const slow = await startTokenIssuer();
    const own = await withTestStack({ edge: tokenSettings(slow) });
    try {
      slow.delayMs = 500;
      const { ec } = slow.keys;
      const tokens = await Promise.all(
        Array.from({ length: 300 }, (_, i) =>
          slow.token('acme', all, { key: ec, header: { kid: `made-${i}` } }),
        ),
      );
      const statuses = await Promise.all(
        tokens.map(async (token) => {
          const headers = { authorization: `Bearer ${token}` };
          return (await fetch(`${own.url}/v1/operations`, { headers })).status;
        }),
      );
      expect(statuses.filter((status) => status < 400)).toEqual([]);
      expect(slow.asked()).toBe(1);
    } finally {
      await slow.stop();
    }
  });
});
