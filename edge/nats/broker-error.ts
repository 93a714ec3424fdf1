import { NatsError } from 'nats.ws';
import { ThroughlineError, unavailable } from '../../shared/errors.ts';
import { API_CODE, isFullCode } from '../../shared/nats/api-error.ts';

/** The status of a request that is itself wrong. The same request would fail again. */
const BAD_REQUEST = 400;
/** Codes of the NATS client for a connection or a subject that the server does not allow. */
const DENIED: readonly (string | undefined)[] = ['PERMISSIONS_VIOLATION', 'AUTHORIZATION_VIOLATION'];

/** Turns an error of the NATS client into our own error. Only this file knows the client's error codes. */
export function brokerError(thrown: unknown): ThroughlineError {
  if (thrown instanceof ThroughlineError) return thrown;
  if (!(thrown instanceof NatsError)) return unavailable(reasonOf(undefined), thrown);
  return refusalOf(thrown) ?? unavailable(reasonOf(thrown.code), thrown);
}

/** Returns the error for an answer that NATS gave; undefined if NATS gave no answer. */
function refusalOf(cause: NatsError): ThroughlineError | undefined {
  const { code, api_error: answer } = cause;
  if (isFullCode(answer?.err_code)) {
    const message = 'the job queue has no room; try again later';
    return new ThroughlineError('stream-full', message, { cause, retryAfterSeconds: 5 });
  }
  if (answer?.err_code === API_CODE.messageTooLarge || code === 'MAX_PAYLOAD_EXCEEDED')
    return new ThroughlineError('payload-too-large', 'the broker takes no message of this size', { cause });
  if (answer?.code === BAD_REQUEST)
    return new ThroughlineError('broker-rejected', `the broker rejects the message: ${answer.description}`, {
      cause,
    });
  if (DENIED.includes(code)) {
    const message = 'the broker does not let the bridge do this';
    return new ThroughlineError('broker-refused', message, { cause, retryAfterSeconds: 1 });
  }
  return undefined;
}

function reasonOf(code: string | undefined): string {
  if (code === '503') return 'its streams are not there yet (a worker creates them when it starts)';
  if (code === 'TIMEOUT' || code === 'CONNECTION_TIMEOUT') return 'no answer in time';
  if (code === 'CONNECTION_CLOSED' || code === 'DISCONNECT') return 'the connection was lost';
  // Other messages of the NATS client hold addresses and host names, which a caller must not see.
  return 'the connection failed';
}
