import { errors, type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import { type AccessScope, isAccessScope } from '../../shared/api/access.ts';
import { SomeQuotas } from '../../shared/api/usage.ts';
import { isToken } from '../../shared/job/job-address.ts';
import { UNREADABLE_TENANT } from '../../shared/wire/subjects.ts';
import { type KeyQuery, KeysUnavailable } from './signing-keys.ts';

/**
 * The signature algorithms that a token may use. All of them need a private key. With `none` or an HMAC algorithm,
 * everybody who can read the public keys could sign.
 */
export const TOKEN_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** How far the issuer's clock may differ from ours. */
const LEEWAY_SECONDS = 30;
const MAX_SUBJECT = 128;

/** A JWT in compact form: three parts in base64url (RFC 7515, section 3.1). */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Why a key or token was refused. Only the log shows the reason. A reason never holds a part of the key or token. */
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
  | 'token-type'
  | 'token-quotas'
  | 'keys-unavailable';

/** Thrown for a token that cannot be accepted. */
export class TokenRefused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, cause?: unknown) {
    super(refusal, { cause });
    this.refusal = refusal;
  }
}

/** The rules that a token must meet. */
export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly TokenAlgorithm[];
  readonly tenantClaim: string;
  readonly scopeClaim: string;
  /** The claim that names quotas of the tenant. Undefined: tokens name none. */
  readonly quotasClaim: string | undefined;
  /** The `typ` that a token's header must have (RFC 8725, section 3.11). Undefined: any, or none. */
  readonly typ: string | undefined;
}

/** Finds the key that may have signed a token. @throws KeysUnavailable */
type FindKey = (query: KeyQuery) => Promise<CryptoKey | undefined>;

/** The caller that a token names. */
interface TokenHolder {
  readonly tenant: string;
  readonly scopes: ReadonlySet<AccessScope>;
  /** Whom the token names, at most 128 characters. */
  readonly subject: string | undefined;
  /** The quotas that the token names for its tenant. */
  readonly quotas: SomeQuotas | undefined;
}

/**
 * Checks a JWT. The algorithm is checked before any key is looked for. Then the signature, the issuer, the audience and
 * the times are checked. A token without `exp` is refused. Keys that the token itself names or carries (`jwk`, `jku`,
 * `x5u`) are ignored.
 * @throws TokenRefused with the reason
 */
export async function verifyToken(token: string, rules: TokenRules, findKey: FindKey): Promise<TokenHolder> {
  if (!COMPACT.test(token)) throw new TokenRefused('token-malformed');
  const payload = await verifiedPayload(token, rules, findKey);
  const tenant = claim(payload, rules.tenantClaim);
  if (!isToken(tenant) || tenant === UNREADABLE_TENANT) throw new TokenRefused('token-tenant');
  const subject = claim(payload, 'sub');
  return {
    tenant,
    scopes: scopesOf(claim(payload, rules.scopeClaim)),
    subject: typeof subject === 'string' ? subject.slice(0, MAX_SUBJECT) : undefined,
    quotas: rules.quotasClaim === undefined ? undefined : quotasIn(claim(payload, rules.quotasClaim)),
  };
}

async function verifiedPayload(
  token: string,
  { algorithms, issuer, audience, typ }: TokenRules,
  findKey: FindKey,
): Promise<JWTPayload> {
  const keyOf = async ({ alg, kid }: JWTHeaderParameters): Promise<CryptoKey> => {
    const key = await findKey({ alg, kid: typeof kid === 'string' ? kid : undefined });
    if (key === undefined) throw new TokenRefused('token-key-unknown');
    return key;
  };
  try {
    const { payload } = await jwtVerify(token, keyOf, {
      algorithms: [...algorithms],
      issuer,
      audience,
      clockTolerance: LEEWAY_SECONDS,
      requiredClaims: ['exp'],
      ...(typ === undefined ? {} : { typ }),
    });
    return payload;
  } catch (thrown) {
    throw thrown instanceof TokenRefused ? thrown : new TokenRefused(refusalOf(thrown), thrown);
  }
}

/** Returns a claim that the issuer set. A property that every object has, such as `constructor`, is not a claim. */
function claim(payload: JWTPayload, name: string): unknown {
  return Object.hasOwn(payload, name) ? payload[name] : undefined;
}

/**
 * Reads scopes from a text that separates them with blanks (RFC 8693, section 4.2), or from a list. Scopes of other
 * services are skipped.
 */
function scopesOf(value: unknown): ReadonlySet<AccessScope> {
  const names: readonly unknown[] =
    typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  return new Set(names.filter(isAccessScope));
}

/**
 * Reads quotas. Those of other services are skipped. A token with a quota that cannot be read is refused: without it, the tenant
 * might use more than its issuer means.
 */
function quotasIn(value: unknown): SomeQuotas | undefined {
  if (value === undefined) return undefined;
  const { data } = SomeQuotas.safeParse(value);
  if (data === undefined) throw new TokenRefused('token-quotas');
  return data;
}

const REFUSAL_OF_CLAIM: Readonly<Record<string, Refusal>> = {
  nbf: 'token-not-yet-valid',
  iss: 'token-issuer',
  aud: 'token-audience',
  typ: 'token-type',
};

function refusalOf(thrown: unknown): Refusal {
  if (thrown instanceof KeysUnavailable) return 'keys-unavailable';
  if (thrown instanceof errors.JWTExpired) return 'token-expired';
  if (thrown instanceof errors.JWTClaimValidationFailed)
    return REFUSAL_OF_CLAIM[thrown.claim] ?? 'token-claim';
  if (thrown instanceof errors.JWSSignatureVerificationFailed) return 'token-signature';
  if (thrown instanceof errors.JOSEAlgNotAllowed) return 'token-algorithm';
  if (thrown instanceof errors.JWSInvalid || thrown instanceof errors.JWTInvalid) return 'token-malformed';
  // `JOSENotSupported` means that jose does not support an extension in the token's header. All other errors are about
  // the key. The key may have too few bits, for example.
  return thrown instanceof errors.JOSENotSupported ? 'token-malformed' : 'token-key-unusable';
}
