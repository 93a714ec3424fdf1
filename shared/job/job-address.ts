/** A tenant or a job id. */
export const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;
/** The name of an operation. */
export const OPERATION = /^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*$/;
export const OPERATION_MAX_LENGTH = 128;
/**
 * An `Idempotency-Key` header: a string of RFC 8941 (`"order 7"`), as the IETF draft for the header asks for, or the bare
 * text, as many clients send it.
 */
export const IDEMPOTENCY_KEY = /^(?:"(?:[ !#-[\]-~]|\\["\\]){1,255}"|[!#-~][!-~]{0,254})$/;

/** Names a job: whose it is, and its id. */
export interface JobKey {
  readonly tenant: string;
  readonly jobId: string;
}

/** A job, and the operation it runs: the parts of its subject. */
export interface JobAddress extends JobKey {
  readonly operation: string;
}

/** Whether `value` may be a tenant or a job id: 1 to 64 of `A-Z a-z 0-9 _ -`. */
export function isToken(value: unknown): value is string {
  return typeof value === 'string' && TOKEN.test(value);
}

/** Whether `value` may be an `Idempotency-Key`: 1 to 255 visible ASCII characters, or a text in double quotes. */
export function isIdempotencyKey(value: unknown): value is string {
  return typeof value === 'string' && IDEMPOTENCY_KEY.test(value);
}

/** Whether `value` may be an operation's name: dotted lowercase words, at most 128 characters. */
export function isOperationName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= OPERATION_MAX_LENGTH && OPERATION.test(value);
}
