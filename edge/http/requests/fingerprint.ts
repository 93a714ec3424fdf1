import type { SubmitJob } from '../../../shared/api/submit-job.ts';
import { sha256Hex } from '../../../shared/text/digest.ts';

/**
 * SHA-256 of what a submission asks for, in 64 hex digits: the same for the same request, whatever the order of keys
 * or the white space it was written with.
 */
export function fingerprintOf(request: SubmitJob): Promise<string> {
  return sha256Hex(canonicalJson(request));
}

/** JSON with the keys of every object in one order (the idea of RFC 8785). */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (isObject(part) ? sorted(part) : part)) ?? 'null';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `fromEntries` defines, where an assignment would call a setter: `__proto__` is a key like any other. */
function sorted(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
