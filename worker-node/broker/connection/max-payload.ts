import { ThroughlineError } from '../../../shared/errors.ts';
import { LIMITS } from '../../../shared/job/limits.ts';
import type { Broker } from './broker.ts';

/** `max_payload` of a nats-server without settings. */
export const DEFAULT_MAX_PAYLOAD = 1024 * 1024;
/** With less, not even the event of a failure would surely fit: its message and its baggage may take half of it. */
const LEAST_MAX_PAYLOAD = 32 * 1024;

/** How many bytes the server takes in a message, headers included. */
export function maxPayloadOf({ connection }: Pick<Broker, 'connection'>): number {
  return connection.info?.max_payload ?? DEFAULT_MAX_PAYLOAD;
}

/**
 * Checks how many bytes the server takes in a message.
 * @returns a warning if a result of the largest size does not fit
 * @throws ThroughlineError `config-invalid` if the end of a job may not fit
 */
export function checkMaxPayload(maxPayload: number): string | undefined {
  const setting = `max_payload of nats-server is ${maxPayload}`;
  if (maxPayload < LEAST_MAX_PAYLOAD)
    throw new ThroughlineError(
      'config-invalid',
      `${setting}; Throughline needs at least ${LEAST_MAX_PAYLOAD}`,
    );
  if (maxPayload >= DEFAULT_MAX_PAYLOAD) return undefined;
  return `${setting}, so a job may fail with result-too-large before its result has ${LIMITS.resultBytes} bytes`;
}
