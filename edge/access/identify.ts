import { ACCESS_SCOPES, type AccessScope, findApiKey } from '../../shared/api/access.ts';
import type { SomeQuotas } from '../../shared/api/usage.ts';
import { pause } from '../../shared/timers.ts';
import type { AccessSettings } from './settings.ts';
import { fetchKeySet, type KeepAlive, type KeyQuery, SigningKeys } from './signing-keys.ts';
import { type Refusal, TokenRefused, type TokenRules, verifyToken } from './token.ts';

/** A caller who has shown a valid key or token. */
export interface Identity {
  readonly tenant: string;
  /** Undefined if the caller used a token. */
  readonly keyId: string | undefined;
  /** Whom a token names (`sub`); undefined if it names nobody, or the caller used a key. */
  readonly subject?: string | undefined;
  readonly scopes: ReadonlySet<AccessScope>;
  /** The quotas that a token names for its tenant. */
  readonly quotas?: SomeQuotas | undefined;
}

/**
 * The result of reading the `Authorization` header: an identity, or the reason for a refusal. Without a header, neither
 * is set.
 */
export interface Identification {
  readonly identity?: Identity;
  readonly refusal?: Refusal;
  /** Why the token could not be checked, when the fault is on our side or the issuer's. This text is for the log. */
  readonly fault?: string;
}

/**
 * The longest credentials have 8,192 characters: a token that lists its user's groups takes several KB. workerd allows
 * 128 KB for all headers.
 */
const BEARER = /^Bearer +([\x21-\x7e]{1,8192})$/i;
const KEY_PREFIX = 'tl_';
const ALL_SCOPES: ReadonlySet<AccessScope> = new Set(ACCESS_SCOPES);

interface TokenAccess {
  readonly rules: TokenRules;
  readonly keys: SigningKeys;
}

/**
 * The identification of each valid API key that was seen, by configuration. So a valid key is hashed once. Each entry of `API_KEYS`
 * has one key, which bounds the map. A key that is not valid is hashed each time, so the time of the answer does not show which ids
 * exist.
 */
const identified = new WeakMap<AccessSettings, Map<string, Identification>>();

/** The token rules and signing keys of each configuration. An isolate usually has one configuration. */
const accesses = new WeakMap<AccessSettings, TokenAccess>();

/**
 * Reads an `Authorization` header, which holds an API key (`tl_…`) or a JWT. A refusal is returned, not thrown.
 * @param keepAlive keeps the request alive while it fetches the issuer's keys, which other requests use too
 */
export function identify(
  authorization: string | null,
  config: AccessSettings,
  keepAlive: KeepAlive,
): Identification | Promise<Identification> {
  if (authorization === null) return {};
  const [, credentials] = BEARER.exec(authorization) ?? [];
  if (credentials === undefined) return { refusal: 'credentials-malformed' };
  return credentials.startsWith(KEY_PREFIX)
    ? identifyKey(credentials, config)
    : identifyToken(credentials, config, keepAlive);
}

function identifyKey(key: string, config: AccessSettings): Identification | Promise<Identification> {
  const known = identified.get(config) ?? new Map<string, Identification>();
  return known.get(key) ?? identifyNewKey(key, config, known);
}

async function identifyNewKey(
  key: string,
  config: AccessSettings,
  known: Map<string, Identification>,
): Promise<Identification> {
  const entry = await findApiKey(key, config.API_KEYS);
  if (entry === undefined) return { refusal: 'key-unknown' };
  const scopes = entry.scopes === undefined ? ALL_SCOPES : new Set(entry.scopes);
  const identification = { identity: { tenant: entry.tenant, keyId: entry.id, scopes } };
  identified.set(config, known.set(key, identification));
  return identification;
}

async function identifyToken(
  token: string,
  config: AccessSettings,
  keepAlive: KeepAlive,
): Promise<Identification> {
  const access = tokenAccess(config);
  if (access === undefined) return { refusal: 'tokens-not-accepted' };
  try {
    const findKey = (query: KeyQuery) => access.keys.find(query, keepAlive);
    return { identity: { keyId: undefined, ...(await verifyToken(token, access.rules, findKey)) } };
  } catch (thrown) {
    if (!(thrown instanceof TokenRefused)) throw thrown;
    const { refusal, cause } = thrown;
    return { refusal, ...(refusal === 'keys-unavailable' ? { fault: String(cause) } : {}) };
  }
}

function tokenAccess(config: AccessSettings): TokenAccess | undefined {
  const known = accesses.get(config);
  if (known !== undefined) return known;
  const { JWT_JWKS_URL: url, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = config;
  if (url === undefined || issuer === undefined || audience === undefined) return undefined;
  const access = {
    rules: {
      issuer,
      audience,
      algorithms: config.JWT_ALGORITHMS,
      tenantClaim: config.JWT_TENANT_CLAIM,
      scopeClaim: config.JWT_SCOPE_CLAIM,
      quotasClaim: config.JWT_QUOTAS_CLAIM,
      typ: config.JWT_TYP,
    },
    keys: new SigningKeys({ fetchSet: () => fetchKeySet(url), now: () => Date.now(), wait: pause }),
  };
  accesses.set(config, access);
  return access;
}
