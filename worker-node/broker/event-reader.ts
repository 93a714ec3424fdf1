import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import type { JobEvent } from '../../shared/event.ts';
import { EVENTS_STREAM } from '../../shared/streams.ts';
import { eventSubject } from '../../shared/subjects.ts';
import { readJobEvent } from '../../shared/wire.ts';

const NO_MESSAGE = 10037;

/**
 * The last event of a job, or undefined when there is none.
 * @throws whatever the NATS client throws when the broker does not answer
 */
export async function lastEvent(
  manager: JetStreamManager,
  tenant: string,
  jobId: string,
): Promise<JobEvent | undefined> {
  try {
    const message = await manager.streams.getMessage(EVENTS_STREAM, {
      last_by_subj: eventSubject(tenant, jobId),
    });
    return message === null ? undefined : readJobEvent(message.data);
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && thrown.code === NO_MESSAGE) return undefined;
    throw thrown;
  }
}
