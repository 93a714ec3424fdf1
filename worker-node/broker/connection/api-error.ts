import { JetStreamApiError } from '@nats-io/jetstream';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isWrongLastSequenceCode } from '../../../shared/nats/api-error.ts';

/** Whether the JetStream API answered with this code. */
export function hasApiCode(thrown: unknown, code: number): boolean {
  return thrown instanceof JetStreamApiError && thrown.code === code;
}

/** Whether nobody listens on a subject of the JetStream API, or JetStream is off. The client exports no class for this. */
export function isNotEnabled(thrown: unknown): thrown is Error {
  return thrown instanceof Error && thrown.name === 'JetStreamNotEnabled';
}

/** Whether the broker refused because a newer message is the last one on the subject. */
export function isWrongLastSequence(thrown: unknown): boolean {
  // Work that was tried again and again fails with an error of ours.
  const cause = thrown instanceof ThroughlineError ? thrown.cause : thrown;
  return cause instanceof JetStreamApiError && isWrongLastSequenceCode(cause.code);
}

/**
 * What the JetStream API gives; undefined if it is not there.
 * @param notFound the code of the API for that
 * @throws whatever else `asked` throws
 */
export async function ifThere<T>(asked: Promise<T>, notFound: number): Promise<T | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    if (hasApiCode(thrown, notFound)) return undefined;
    throw thrown;
  }
}
