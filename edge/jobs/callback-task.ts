import type { Callback } from '../../shared/job/callback.ts';
import type { JobEvent } from '../../shared/job/event.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import { callbackTask, writeCallbackTask } from '../../shared/wire/callback-task.ts';
import { writeJobEvent } from '../../shared/wire/event-message.ts';
import { callbackSubject } from '../../shared/wire/subjects.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { BRIDGE_SOURCE } from './publish-job.ts';

/**
 * Stores the callback task of a job that ended in this bridge, if the job asked for a callback at this end. NATS drops a
 * second copy of the task.
 * @param carrier the job's own trace
 * @throws ThroughlineError `broker-unavailable`, `stream-full`, `broker-refused`
 */
export async function storeCallbackTask(
  session: BrokerSession,
  tenant: string,
  callback: Callback | undefined,
  event: JobEvent,
  carrier: Carrier,
): Promise<void> {
  const task = callbackTask(tenant, callback, event);
  if (task === undefined) return;
  await session.publish(
    callbackSubject(tenant, event.jobId),
    (set) => writeCallbackTask(task, BRIDGE_SOURCE, carrier, set),
    writeJobEvent(event),
  );
}
