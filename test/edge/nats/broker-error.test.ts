import {
  AuthorizationError,
  ClosedConnectionError,
  ConnectionError,
  InvalidArgumentError,
  NoRespondersError,
  PermissionViolationError,
  ProtocolError,
  RequestError,
  TimeoutError,
} from '@nats-io/nats-core';
import { describe, expect, it } from 'vitest';
import { brokerError, JetStreamError, statusError } from '../../../edge/nats/broker-error.ts';
import { statusOf } from '../../../shared/error-table.ts';
import { ThroughlineError, unavailable } from '../../../shared/errors.ts';

/** What JetStream answers. */
const refusal = (err_code: number, description: string, code = 503): JetStreamError =>
  new JetStreamError({ code, err_code, description });

/** As the client wraps what ends a request. */
const wrapped = (cause: Error): RequestError => new RequestError(cause.message, { cause });

const CANARY = 'canary at wss://nats.internal:9222';
const denied = new PermissionViolationError(CANARY, 'publish', 'jobs.canary');

describe('an error of NATS', () => {
  it.each<[string, Error, string]>([
    ['a stream at its number of messages', refusal(10077, 'maximum messages exceeded'), 'stream-full'],
    ['a server without memory or disk', refusal(10023, 'insufficient resources'), 'stream-full'],
    ['a server without storage', refusal(10047, 'insufficient storage resources'), 'stream-full'],
    [
      'a message that the stream finds too large',
      refusal(10054, 'message size exceeds maximum'),
      'payload-too-large',
    ],
    [
      'a message that the server finds too large',
      InvalidArgumentError.format('payload', 'max_payload size exceeded'),
      'payload-too-large',
    ],
    ['a subject that is not allowed', denied, 'broker-refused'],
    ['the subject of a request that is not allowed', wrapped(denied), 'broker-refused'],
    ['credentials that are not taken', new AuthorizationError('Authorization Violation'), 'broker-refused'],
    [
      'credentials that the server was too slow to check',
      new AuthorizationError('Authentication Timeout'),
      'broker-unavailable',
    ],
    ['no stream yet', wrapped(new NoRespondersError('jobs.canary')), 'broker-unavailable'],
    ['no answer', new TimeoutError(), 'broker-unavailable'],
    ['a closed connection', new ClosedConnectionError(), 'broker-unavailable'],
    ['a lost connection', wrapped(new RequestError('connection closed')), 'broker-unavailable'],
    ['a server that cannot be reached', new ConnectionError(CANARY), 'broker-unavailable'],
    ['an error of the server that nobody knows', new ProtocolError(CANARY), 'broker-unavailable'],
    ['an answer of JetStream that nobody knows', refusal(19999, 'new'), 'broker-unavailable'],
    ['a stream that JetStream does not have', refusal(10059, 'stream not found', 404), 'broker-unavailable'],
  ])('%s: %s', (_what, thrown, code) => {
    const error = brokerError(thrown);
    expect(error.code).toBe(code);
    expect(error.cause).toBe(thrown);
    expect(error.message).not.toContain('canary');
    expect(error.message).not.toContain('nats.internal');
    // What may pass says when to come again; what stays does not.
    expect(error.retryAfterSeconds !== undefined).toBe(statusOf(error) === 503);
  });

  it.each<[string, unknown]>([
    ['nobody who answers', wrapped(new NoRespondersError('jobs.canary'))],
    ['a status that says so', statusError({ code: 503, description: '' })],
    ['a stream that JetStream does not have', refusal(10059, 'stream not found', 404)],
  ])('says that the streams are not there yet: %s', (_what, thrown) => {
    expect(brokerError(thrown).message).toContain('streams are not there yet');
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
    'becomes an error of ours, even when it is %j',
    (thrown) => {
      expect(brokerError(thrown)).toMatchObject({ code: 'broker-unavailable' });
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
