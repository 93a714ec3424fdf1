import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { describeThrown, ThroughlineError } from '../../../shared/errors.ts';
import { API_CODE } from '../../../shared/nats/api-error.ts';
import { NO_LEADER, STORES_NOTHING } from '../../../shared/nats/disk-full.ts';
import { hasApiCode, isNotEnabled } from '../connection/api-error.ts';
import type { Broker } from '../connection/broker.ts';
import { isConnectionLost } from '../connection/lost-requests.ts';
import { answers } from '../connection/server.ts';

/** What the client says if nobody listens on a subject of JetStream. */
const NOBODY =
  'JetStream does not answer: the stream is gone, most servers of the cluster are away, or JetStream is off, as it may be after a full disk until nats-server is restarted';

/** The reason why NATS did not do what it was asked for. */
export function describeFailure(thrown: unknown): string {
  if (isNotEnabled(thrown)) return NOBODY;
  if (hasApiCode(thrown, API_CODE.noLeader)) return NO_LEADER;
  return describeThrown(thrown);
}

/**
 * The same, also for a request without an answer: after a full disk NATS gives none to what it cannot store.
 * @param isAlive whether NATS answers anything
 */
export async function failureReason(thrown: unknown, isAlive: () => Promise<boolean>): Promise<string> {
  const isSilent = thrown instanceof errors.TimeoutError;
  return isSilent && (await isAlive()) ? STORES_NOTHING : describeFailure(thrown);
}

/** What an operator is told about a request that NATS did not do. Other errors stay as they are. */
export async function requestError(broker: Pick<Broker, 'connection'>, cause: unknown): Promise<unknown> {
  const isOfNats =
    cause instanceof JetStreamApiError ||
    cause instanceof errors.TimeoutError ||
    isConnectionLost(cause) ||
    isNotEnabled(cause);
  if (!isOfNats) return cause;
  const reason = await failureReason(cause, () => answers(broker));
  return new ThroughlineError('broker-unavailable', `NATS does not do what it was asked for: ${reason}`, {
    cause,
  });
}
