import {
  AuthorizationError,
  ClosedConnectionError,
  InvalidArgumentError,
  type MsgHdrs,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from '@nats-io/nats-core';
import { ThroughlineError, unavailable } from '../../shared/errors.ts';
import { API_CODE, refusalCode } from '../../shared/nats/api-error.ts';
import { NO_LEADER } from '../../shared/nats/disk-full.ts';

/** The status of the server's answer when nobody listens on the subject of a request. */
const NO_RESPONDERS = 503;
const NO_STREAMS = 'its streams are not there yet (`throughline setup` makes them)';
// Other messages of the NATS client hold addresses and host names, which a caller must not see.
const FAILED = 'the connection failed';

/** Why JetStream refuses a request. The numbers are its own: `code` is like an HTTP status, `err_code` says more. */
export interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

/** JetStream refuses a request. This error stays in `edge/nats`: {@link brokerError} makes ours of it. */
export class JetStreamError extends Error {
  readonly answer: ApiError;

  constructor(answer: ApiError) {
    super(answer.description);
    this.answer = answer;
  }
}

/** Turns an error of JetStream or of the NATS client into our own error. Only this file knows the client's errors. */
export function brokerError(thrown: unknown): ThroughlineError {
  if (thrown instanceof ThroughlineError) return thrown;
  if (thrown instanceof JetStreamError) return refusalOf(thrown);
  // The client wraps the error that ended a request.
  const error = thrown instanceof RequestError ? (thrown.cause ?? thrown) : thrown;
  if (isTooLarge(error)) return tooLarge(thrown);
  if (isDenied(error)) {
    const message = 'the broker does not let the bridge do this';
    return new ThroughlineError('broker-refused', message, { cause: thrown, retryAfterSeconds: 1 });
  }
  return unavailable(reasonOf(error), thrown);
}

/** Whether NATS did not answer. A refusal is an answer. */
export function isSilence(thrown: unknown): boolean {
  if (thrown instanceof ThroughlineError) return thrown.code === 'broker-unavailable';
  return thrown instanceof TimeoutError;
}

/** The error for an answer that has a status instead of a message. */
export function statusError({ code, description }: Pick<MsgHdrs, 'code' | 'description'>): ThroughlineError {
  return unavailable(code === NO_RESPONDERS ? NO_STREAMS : FAILED, new Error(`${code} ${description}`));
}

function refusalOf(cause: JetStreamError): ThroughlineError {
  const { code, err_code: errCode, description } = cause.answer;
  const refusal = refusalCode(code, errCode);
  if (refusal === 'stream-full') {
    const message = 'the job queue has no room; try again later';
    return new ThroughlineError(refusal, message, { cause, retryAfterSeconds: 5 });
  }
  if (refusal === 'payload-too-large') return tooLarge(cause);
  if (refusal)
    return new ThroughlineError(refusal, `the broker rejects the message: ${description}`, {
      cause,
    });
  if (errCode === API_CODE.noLeader) return unavailable(NO_LEADER, cause);
  return unavailable(errCode === API_CODE.streamNotFound ? NO_STREAMS : FAILED, cause);
}

function tooLarge(cause: unknown): ThroughlineError {
  return new ThroughlineError('payload-too-large', 'the broker takes no message of this size', { cause });
}

/** The client compares the size of a message with the server's limit before it sends the message. */
function isTooLarge(error: unknown): boolean {
  return error instanceof InvalidArgumentError && error.message.includes('max_payload');
}

/** Whether the server refuses the login, or the subject. A server that was too slow to check the login may accept it later. */
function isDenied(error: unknown): boolean {
  if (error instanceof PermissionViolationError) return true;
  return error instanceof AuthorizationError && !/timeout/i.test(error.message);
}

function reasonOf(error: unknown): string {
  if (error instanceof NoRespondersError) return NO_STREAMS;
  if (error instanceof TimeoutError) return 'no answer in time';
  if (error instanceof ClosedConnectionError || error instanceof RequestError)
    return 'the connection was lost';
  return FAILED;
}
