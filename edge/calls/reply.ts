import { type ErrorCode, ThroughlineError, type Violation } from '../../shared/errors.ts';
import type { SpentQuota } from '../../shared/quotas.ts';

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly violations: readonly Violation[];
  readonly suggestions: readonly string[];
  readonly retryAfterSeconds: number | undefined;
  readonly quota: SpentQuota | undefined;
}

/** A value, or an error as plain data. An exception would keep only its message on the way to another isolate. */
export type Reply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Refusal };

/** Makes a reply that holds an error. */
export function refusal(error: ThroughlineError): { readonly ok: false; readonly error: Refusal } {
  const { code, message, violations, suggestions, retryAfterSeconds, quota } = error;
  return { ok: false, error: { code, message, violations, suggestions, retryAfterSeconds, quota } };
}

/** Returns the value of a reply. @throws ThroughlineError the error in the reply */
export function unwrapReply<T>(reply: Reply<T>): T {
  if (reply.ok) return reply.value;
  const { code, message, ...options } = reply.error;
  throw new ThroughlineError(code, message, options);
}
