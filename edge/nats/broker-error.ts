import { NatsError } from 'nats.ws';
import { ThroughlineError, unavailable } from '../../shared/errors.ts';
import { API_CODE, isFullCode } from '../../shared/nats/server.ts';

/** The status of a request that is wrong itself: sending it again would not help. */
const BAD_REQUEST = 400;
const RETRY_AFTER_SECONDS = 1;

/** Turns an error of the NATS client into our own. Only this function knows the client's codes. */
export function brokerError(thrown: unknown): ThroughlineError {
  if (thrown instanceof ThroughlineError) return thrown;
  const apiCode = thrown instanceof NatsError ? thrown.api_error?.err_code : undefined;
  const code = thrown instanceof NatsError ? thrown.code : undefined;
  if (isFullCode(apiCode)) {
    return new ThroughlineError('stream-full', 'the job queue has no room; try again later', {
      cause: thrown,
      retryAfterSeconds: 5,
    });
  }
  if (apiCode === API_CODE.messageTooLarge || code === 'MAX_PAYLOAD_EXCEEDED') {
    return new ThroughlineError('payload-too-large', 'the broker takes no message of this size', {
      cause: thrown,
    });
  }
  const { api_error: answer } = thrown instanceof NatsError ? thrown : { api_error: undefined };
  if (answer?.code === BAD_REQUEST) {
    return new ThroughlineError('broker-rejected', `the broker rejects it: ${answer.description}`, {
      cause: thrown,
    });
  }
  if (code === 'PERMISSIONS_VIOLATION' || code === 'AUTHORIZATION_VIOLATION') {
    return new ThroughlineError('broker-refused', 'the broker does not let the bridge do this', {
      cause: thrown,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
  return unavailable(reasonOf(code), thrown);
}

function reasonOf(code: string | undefined): string {
  if (code === '503') return 'its streams are not there yet (a worker creates them when it starts)';
  if (code === 'TIMEOUT' || code === 'CONNECTION_TIMEOUT') return 'no answer in time';
  if (code === 'CONNECTION_CLOSED' || code === 'DISCONNECT') return 'the connection was lost';
  // Other messages of the client hold addresses and host names, which a caller must not see.
  return 'the connection failed';
}
