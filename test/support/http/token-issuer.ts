import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

const ISSUER = 'https://issuer.example/';
const AUDIENCE = 'https://throughline.example';

interface TestKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

/** Changes to a usual token; undefined removes a claim or a header. */
interface TokenChanges {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  /** The key to sign with. */
  readonly key?: TestKey;
}

/** An issuer of tokens: keys, and a JWK set that is served over HTTP. */
export interface TokenIssuer {
  readonly jwksUrl: string;
  /** The keys in the JWK set. May be changed. */
  listed: JWK[];
  /** The status of the server's answers. May be changed. */
  status: number;
  /** How long it takes to answer. May be changed. */
  delayMs: number;
  /** How often it was asked. */
  readonly asked: () => number;
  readonly keys: Readonly<Record<'rsa' | 'ec' | 'ed', TestKey>>;
  /** A token of `tenant` that is valid for a minute, with these changes. */
  readonly token: (tenant: unknown, scope: unknown, changes?: TokenChanges) => Promise<string>;
  readonly stop: () => Promise<void>;
}

export async function createTestKey(alg: string, kid: string): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export async function startTokenIssuer(): Promise<TokenIssuer> {
  const [rsa, ec, ed] = await Promise.all([
    createTestKey('RS256', 'rsa-1'),
    createTestKey('ES256', 'ec-1'),
    createTestKey('EdDSA', 'ed-1'),
  ]);
  let asked = 0;
  const server = createServer(async (_request, response) => {
    asked++;
    await delay(issuer.delayMs);
    response
      .writeHead(issuer.status, { 'content-type': 'application/json' })
      .end(JSON.stringify({ keys: issuer.listed }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer: TokenIssuer = {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    listed: [rsa.jwk, ec.jwk, ed.jwk],
    status: 200,
    delayMs: 0,
    asked: () => asked,
    keys: { rsa, ec, ed },
    token: async (tenant, scope, { claims = {}, header = {}, key = rsa } = {}) =>
      await new SignJWT({ ...usualClaims(tenant, scope), ...claims } as JWTPayload)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
        .sign(key.privateKey),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return issuer;
}

/** The claims of a token that is valid for a minute. */
export function usualClaims(tenant: unknown, scope: unknown): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1_000);
  return { iss: ISSUER, aud: AUDIENCE, sub: 'somebody', iat: now, exp: now + 60, tenant, scope };
}

/** A compact JWS made by hand, for tokens that no library would sign. */
export function rawToken(header: unknown, payload: unknown, signature = ''): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(payload)}.${signature}`;
}

/** The edge's settings that accept this issuer's tokens. */
export function tokenSettings({ jwksUrl }: Pick<TokenIssuer, 'jwksUrl'>): Record<string, string> {
  return { JWT_JWKS_URL: jwksUrl, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE };
}
