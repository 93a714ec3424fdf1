/** The periods that Cloudflare's rate limiting allows, in seconds. */
export const RATE_LIMIT_WINDOWS = [10, 60] as const;

const POLICY = /^([1-9][0-9]{0,8})\s*;\s*w=([0-9]{1,3})$/;
const NAME = '"tenant"';

/** A tenant may make `quota` requests in `windowSeconds` seconds. */
interface RateLimitPolicy {
  readonly quota: number;
  readonly windowSeconds: number;
}

/** Reads a policy such as `100;w=60`, which allows 100 requests in 60 seconds. Returns undefined for any other text. */
export function parseRateLimitPolicy(text: string): RateLimitPolicy | undefined {
  const [, quota, seconds] = POLICY.exec(text.trim()) ?? [];
  const windowSeconds = RATE_LIMIT_WINDOWS.find((window) => window === Number(seconds));
  return windowSeconds === undefined ? undefined : { quota: Number(quota), windowSeconds };
}

/** Returns the value of the `RateLimit-Policy` header (IETF draft "RateLimit header fields for HTTP"). */
export function policyHeader({ quota, windowSeconds }: RateLimitPolicy): string {
  return `${NAME};q=${quota};w=${windowSeconds}`;
}

/** Returns the value of the `RateLimit` header of a refused request: no requests are left for at most `seconds`. */
export function spentHeader(seconds: number): string {
  return `${NAME};r=0;t=${seconds}`;
}
