import * as z from 'zod';
import {
  type AccessScope,
  type ApiKeyEntry,
  isAccessScope,
  isApiKeyId,
  SCOPE_RULE,
} from '../../shared/api/access.ts';
import { jsonSetting, optionalText, url, wholeNumber } from '../../shared/config.ts';
import { isToken } from '../../shared/job/job-address.ts';
import { commaList } from '../../shared/text/comma-list.ts';
import { parseRateLimitPolicy, RATE_LIMIT_WINDOWS } from './rate-limit-policy.ts';
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from './token.ts';

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])$/;
const CLAIM_NAME = /^[\x21-\x7e]{1,128}$/;

/** An entry with another name in it is refused: without `scopes`, which somebody may have misspelt, a key may do everything. */
const ApiKeyList = z.array(
  z.strictObject(
    {
      id: z.string().refine(isApiKeyId, 'must be 1 to 32 letters and digits'),
      tenant: z.string().refine(isToken, 'must be 1 to 64 letters, digits, "_" or "-"'),
      hash: z.string().regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of the key, 64 lowercase hex digits'),
      scopes: z.array(z.custom<AccessScope>(isAccessScope, SCOPE_RULE)).optional(),
    },
    'must have id, tenant and hash, perhaps scopes, and nothing else',
  ),
);

const ApiKeys = jsonSetting('', (json): ReadonlyMap<string, ApiKeyEntry> | string => {
  const { data, error } = ApiKeyList.safeParse(json);
  if (error !== undefined) {
    const [issue] = error.issues;
    const fault = Array.isArray(json) ? `: ${issue?.path.join('.')} ${issue?.message}` : '';
    return `must be a JSON list of {"id","tenant","hash"}${fault}`;
  }
  const keys = new Map<string, ApiKeyEntry>();
  for (const entry of data) {
    if (keys.has(entry.id)) return `has the id ${entry.id} twice`;
    keys.set(entry.id, entry);
  }
  return keys;
});

/** Over plain HTTP, anybody on the network could replace the keys. */
const JwksUrl = url('https', 'http')
  .refine((text) => {
    const parsed = URL.parse(text);
    return parsed !== null && (parsed.protocol === 'https:' || LOOPBACK.test(parsed.hostname));
  }, 'must be a URL that starts with https:// (http:// only for this machine)')
  // fetch refuses such a URL with an error that shows it.
  .refine(
    (text) => !URL.parse(text)?.username && !URL.parse(text)?.password,
    'must hold no user and no password',
  );

const Algorithms = z
  .string()
  .default('RS256,ES256,EdDSA')
  .transform(commaList)
  .refine(
    (names): names is TokenAlgorithm[] =>
      names.length > 0 && names.every((name) => TOKEN_ALGORITHMS.some((known) => known === name)),
    `must be a comma list of ${TOKEN_ALGORITHMS.join(', ')}`,
  );

const ClaimName = z.string().regex(CLAIM_NAME, 'must be the name of a claim');

const Origins = z
  .string()
  .default('')
  .transform(commaList)
  .refine(
    (origins) => (origins.includes('*') ? origins.length === 1 : origins.every(isOrigin)),
    'must be "*", or a comma list of origins such as https://app.example',
  );

const Policy = z
  .string()
  .transform(parseRateLimitPolicy)
  .refine(
    (policy) => policy !== undefined,
    `must look like "100;w=60": a number of requests, and ${RATE_LIMIT_WINDOWS.join(' or ')} seconds`,
  );

/** Cloudflare's rate limit binding, if the deployment has one. */
const Limiter = z.custom<RateLimit>(
  (value) => typeof (value as Partial<RateLimit> | null)?.limit === 'function',
  'must be bound to a rate limit, as wrangler.toml shows',
);

/** The settings that say who may call, from which web pages, and how often. */
export const accessSettings = {
  API_KEYS: ApiKeys,
  JWT_JWKS_URL: JwksUrl.optional(),
  JWT_ISSUER: optionalText,
  JWT_AUDIENCE: optionalText,
  JWT_ALGORITHMS: Algorithms,
  JWT_TENANT_CLAIM: ClaimName.default('tenant'),
  JWT_SCOPE_CLAIM: ClaimName.default('scope'),
  JWT_QUOTAS_CLAIM: ClaimName.optional(),
  JWT_TYP: z.string().regex(CLAIM_NAME, 'must be a type such as at+jwt').optional(),
  CORS_ORIGINS: Origins,
  STATUS_ACCESS: z.enum(['key', 'public'], 'must be key or public').default('key'),
  RATE_LIMIT_POLICY: Policy.optional(),
  RATE_LIMITER: Limiter.optional(),
  FAILED_AUTH_PER_MINUTE: wholeNumber(1, 1_000_000, 60),
  ADDRESS_REQUESTS_PER_SECOND: wholeNumber(1, 1_000_000, 100),
};

const Settings = z.object(accessSettings);

/** The settings of this room, checked. */
export type AccessSettings = z.output<typeof Settings>;

/**
 * These three are set together: without an issuer and an audience, tokens that were made for other services would be
 * accepted.
 */
const TOKEN_SETTINGS = ['JWT_JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE'] as const;

/** Adds an issue for each of the three token settings that is missing while another of them is set. */
export function checkTokenSettings(
  settings: Readonly<Partial<Record<(typeof TOKEN_SETTINGS)[number], unknown>>>,
  issues: z.core.$ZodRawIssue[],
): void {
  const missing = TOKEN_SETTINGS.filter((key) => settings[key] === undefined);
  if (missing.length === TOKEN_SETTINGS.length) return;
  for (const key of missing) {
    issues.push({
      code: 'custom',
      path: [key],
      message: `must be set too: ${TOKEN_SETTINGS.join(', ')} belong together`,
      input: undefined,
    });
  }
}

/** Whether a browser would send this text as an origin: a scheme, a host and perhaps a port, and nothing after. */
function isOrigin(text: string): boolean {
  return /^https?:[^*]+$/.test(text) && URL.parse(text)?.origin === text;
}
