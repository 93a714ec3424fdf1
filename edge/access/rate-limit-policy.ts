import type { QuotaName, SpentQuota } from '../../shared/quotas.ts';

/** The periods that Cloudflare's rate limiting allows, in seconds. */
export const RATE_LIMIT_WINDOWS = [10, 60] as const;

/** The largest integer of a structured field (RFC 9651, section 3.3.1). */
const LARGEST = 999_999_999_999_999;

const POLICY = /^([1-9][0-9]{0,8})\s*;\s*w=([0-9]{1,3})$/;

/** `quota` requests in `windowSeconds` seconds. */
export interface RateLimitPolicy {
  readonly quota: number;
  readonly windowSeconds: number;
}

/** Reads a policy such as `100;w=60`, which allows 100 requests in 60 seconds. Returns undefined for any other text. */
export function parseRateLimitPolicy(text: string): RateLimitPolicy | undefined {
  const [, quota, seconds] = POLICY.exec(text.trim()) ?? [];
  const windowSeconds = RATE_LIMIT_WINDOWS.find((window) => window === Number(seconds));
  return windowSeconds === undefined ? undefined : { quota: Number(quota), windowSeconds };
}

/** The units of quotas that do not count requests (the registered units of the draft). */
const UNITS: Readonly<Partial<Record<QuotaName, string>>> = {
  bytes: 'content-bytes',
  delayedBytes: 'content-bytes',
  storedBytes: 'content-bytes',
  outboxBytes: 'content-bytes',
  waits: 'concurrent-requests',
  streams: 'concurrent-requests',
};

/** A quota as an item of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10, section 3). */
export function policyItem({ name, limit, windowSeconds }: SpentQuota): string {
  const unit = UNITS[name];
  const parameters = [
    `q=${Math.min(limit, LARGEST)}`,
    ...(unit === undefined ? [] : [`qu="${unit}"`]),
    ...(windowSeconds === undefined ? [] : [`w=${windowSeconds}`]),
  ];
  return `"${name}";${parameters.join(';')}`;
}

/** A quota that is used up as an item of `RateLimit` (section 4 of the draft). @param seconds until there is more of it */
export function spentItem({ name, left = 0 }: SpentQuota, seconds: number | undefined): string {
  return `"${name}";r=${Math.min(left, LARGEST)}${seconds === undefined ? '' : `;t=${seconds}`}`;
}
