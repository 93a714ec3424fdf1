import { ErrorCode, NatsError } from 'nats.ws';
import { describe, expect, it } from 'vitest';
import { brokerError } from '../../../edge/nats/broker-error.ts';
import { ThroughlineError, unavailable } from '../../../shared/errors.ts';

/** What JetStream answers, as the client throws it. */
function apiError(errCode: number, description: string, status = 503): NatsError {
  const error = new NatsError(description, ErrorCode.JetStreamInvalidAck);
  error.api_error = { code: status, err_code: errCode, description };
  return error;
}

const natsError = (code: string): NatsError => new NatsError('canary at wss://nats.internal:9222', code);

describe('an error of NATS', () => {
  it.each<[string, NatsError, string]>([
    ['a stream at its number of messages', apiError(10077, 'maximum messages exceeded'), 'stream-full'],
    ['a server without memory or disk', apiError(10023, 'insufficient resources'), 'stream-full'],
    ['a server without storage', apiError(10047, 'insufficient storage resources'), 'stream-full'],
    [
      'a message that the stream finds too large',
      apiError(10054, 'message size exceeds maximum'),
      'payload-too-large',
    ],
    [
      'a message that the server finds too large',
      natsError(ErrorCode.MaxPayloadExceeded),
      'payload-too-large',
    ],
    ['a subject that is not allowed', natsError(ErrorCode.PermissionsViolation), 'broker-refused'],
    ['credentials that are not taken', natsError(ErrorCode.AuthorizationViolation), 'broker-refused'],
    ['no stream yet', natsError(ErrorCode.NoResponders), 'broker-unavailable'],
    ['no answer', natsError(ErrorCode.Timeout), 'broker-unavailable'],
    ['no connection in time', natsError(ErrorCode.ConnectionTimeout), 'broker-unavailable'],
    ['a closed connection', natsError(ErrorCode.ConnectionClosed), 'broker-unavailable'],
    ['a lost connection', natsError(ErrorCode.Disconnect), 'broker-unavailable'],
    ['a code that nobody knows', natsError('NEW_CODE'), 'broker-unavailable'],
    ['an answer of JetStream that nobody knows', apiError(19999, 'new'), 'broker-unavailable'],
  ])('%s: %s', (_what, thrown, code) => {
    const error = brokerError(thrown);
    expect(error.code).toBe(code);
    expect(error.cause).toBe(thrown);
    expect(error.message).not.toContain('canary');
    expect(error.message).not.toContain('nats.internal');
    // What may pass says when to come again; what stays does not.
    expect(error.retryAfterSeconds !== undefined).toBe(error.status === 503);
  });

  it('stays as it is when it is our own already', () => {
    const error = new ThroughlineError('input-invalid', 'why');
    expect(brokerError(error)).toBe(error);
  });

  it.each([
    new Error('connect ECONNREFUSED 10.0.0.7:9222'),
    new Error('getaddrinfo ENOTFOUND nats.internal'),
    new Error('DNS lookup failed.; params.host = nats.internal'),
    new Error('WebSocket connection to wss://nats.internal:9222 failed'),
    'Network connection lost to 10.0.0.7',
  ])('never tells a caller where the broker is: %s', (thrown) => {
    const error = brokerError(thrown);
    expect(error.code).toBe('broker-unavailable');
    expect(error.message).not.toMatch(/10\.0\.0\.7|nats\.internal/);
  });

  it.each([undefined, null, '', {}, new Error('')])(
    'becomes an error of ours, also when it is %j',
    (thrown) => {
      expect(brokerError(thrown)).toMatchObject({ code: 'broker-unavailable', status: 503 });
    },
  );
});

describe('unavailable', () => {
  it('says why, and when to try again', () => {
    expect(unavailable('no pong in time')).toMatchObject({
      code: 'broker-unavailable',
      message: 'the message broker cannot be reached: no pong in time',
      retryAfterSeconds: 1,
    });
  });
});
