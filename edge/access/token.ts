import { errors, type JWTPayload, jwtVerify } from 'jose';
import { type AccessScope, isAccessScope } from '../../shared/api/access-scope.ts';
import { isToken, UNREADABLE_TENANT } from '../../shared/wire/subjects.ts';
import { KeysUnavailable, type SigningKeys } from './signing-keys.ts';
import type { TokenAlgorithm } from './token-algorithms.ts';

/** How far the issuer's clock and ours may be apart. */
const LEEWAY_SECONDS = 30;

/** Three parts of base64url: a JWT as a compact JWS (RFC 7515, section 3.1). */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Why nobody was recognized, for the log alone. None of these holds a part of the key or token. */
export type Refusal =
  | 'key-unknown'
  | 'credentials-malformed'
  | 'tokens-not-accepted'
  | 'token-malformed'
  | 'token-algorithm'
  | 'token-key-unknown'
  | 'token-key-unusable'
  | 'token-signature'
  | 'token-expired'
  | 'token-not-yet-valid'
  | 'token-issuer'
  | 'token-audience'
  | 'token-claim'
  | 'token-tenant'
  | 'keys-unavailable';

/** A token that cannot be accepted. */
export class TokenRefused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, cause?: unknown) {
    super(refusal, { cause });
    this.refusal = refusal;
  }
}

/** What a token must be. */
export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly TokenAlgorithm[];
  readonly tenantClaim: string;
  readonly scopeClaim: string;
}

/** Who a token says is calling. */
export interface TokenHolder {
  readonly tenant: string;
  readonly scopes: ReadonlySet<AccessScope>;
}

/**
 * Checks a JWT: its algorithm against our list before any key is looked for, then signature, issuer, audience and
 * times; `exp` must be there. Keys named or carried by the token itself (`jwk`, `jku`, `x5u`) are never looked at.
 * @throws TokenRefused saying why
 */
export async function verifyToken(
  token: string,
  rules: TokenRules,
  keys: Pick<SigningKeys, 'find'>,
): Promise<TokenHolder> {
  if (!COMPACT.test(token)) throw new TokenRefused('token-malformed');
  const { payload } = await jwtVerify(
    token,
    async ({ alg, kid }) => {
      const key = await keys.find({
        alg: alg as TokenAlgorithm,
        kid: typeof kid === 'string' ? kid : undefined,
      });
      if (key === undefined) throw new TokenRefused('token-key-unknown');
      return key;
    },
    {
      algorithms: [...rules.algorithms],
      issuer: rules.issuer,
      audience: rules.audience,
      clockTolerance: LEEWAY_SECONDS,
      requiredClaims: ['exp'],
    },
  ).catch((thrown: unknown) => {
    throw thrown instanceof TokenRefused ? thrown : new TokenRefused(refusalOf(thrown), thrown);
  });
  const tenant = claim(payload, rules.tenantClaim);
  if (!isToken(tenant) || tenant === UNREADABLE_TENANT) throw new TokenRefused('token-tenant');
  return { tenant, scopes: scopesOf(claim(payload, rules.scopeClaim)) };
}

/** Only what the issuer put there: `constructor` is no claim. */
function claim(payload: JWTPayload, name: string): unknown {
  return Object.hasOwn(payload, name) ? payload[name] : undefined;
}

/** A text with blanks (RFC 8693, section 4.2) or a list; what we do not know is for somebody else. */
function scopesOf(value: unknown): ReadonlySet<AccessScope> {
  const names: readonly unknown[] =
    typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  return new Set(names.filter(isAccessScope));
}

const OF_CLAIM: Readonly<Record<string, Refusal>> = {
  nbf: 'token-not-yet-valid',
  iss: 'token-issuer',
  aud: 'token-audience',
};

function refusalOf(thrown: unknown): Refusal {
  if (thrown instanceof KeysUnavailable) return 'keys-unavailable';
  if (thrown instanceof errors.JWTExpired) return 'token-expired';
  if (thrown instanceof errors.JWTClaimValidationFailed) return OF_CLAIM[thrown.claim] ?? 'token-claim';
  if (thrown instanceof errors.JWSSignatureVerificationFailed) return 'token-signature';
  if (thrown instanceof errors.JOSEAlgNotAllowed) return 'token-algorithm';
  if (thrown instanceof errors.JWSInvalid || thrown instanceof errors.JWTInvalid) return 'token-malformed';
  // A key that is too short, or an extension of the header that nobody here understands.
  return thrown instanceof errors.JOSENotSupported ? 'token-malformed' : 'token-key-unusable';
}
