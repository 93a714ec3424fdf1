import { JetStreamApiError } from '@nats-io/jetstream';
import { describeThrown } from '../../../shared/errors.ts';
import { API_CODE } from '../../../shared/nats/api-error.ts';
import { NO_LEADER } from '../../../shared/nats/disk-full.ts';

/** What the client says if nobody listens on a subject of JetStream. */
const NOBODY =
  'JetStream does not answer: the stream is gone, most servers of the cluster are away, or JetStream is off, as it may be after a full disk until nats-server is restarted';

/** The reason why NATS did not do what it was asked for. */
export function describeFailure(thrown: unknown): string {
  if (thrown instanceof Error && thrown.name === 'JetStreamNotEnabled') return NOBODY;
  if (thrown instanceof JetStreamApiError && thrown.code === API_CODE.noLeader) return NO_LEADER;
  return describeThrown(thrown);
}
