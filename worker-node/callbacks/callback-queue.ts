import { headers } from '@nats-io/transport-node';
import { context } from '@opentelemetry/api';
import type { JobEvent } from '../../shared/job/event.ts';
import { inject } from '../../shared/propagation/index.ts';
import { callbackTask, writeCallbackTask } from '../../shared/wire/callback-task.ts';
import type { JobMessage } from '../../shared/wire/job-message.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { callbackSubject } from '../../shared/wire/subjects.ts';
import type { StoredPublisher } from '../broker/stored-publisher.ts';

/** Hands the ends of jobs over to whoever delivers callbacks. */
export class CallbackQueue {
  readonly #publisher: StoredPublisher;

  constructor(publisher: StoredPublisher) {
    this.#publisher = publisher;
  }

  /**
   * Stores the callback of a job, if it asked for one at this end. Storing it again changes nothing, as long as
   * JetStream remembers the first one.
   * @throws ThroughlineError `broker-unavailable`: the job is not to be settled then
   */
  async send(
    { address, callback }: Pick<JobMessage, 'address' | 'callback'>,
    event: JobEvent,
  ): Promise<void> {
    const task = callbackTask(address.tenant, callback, event);
    if (task === undefined) return;
    const messageHeaders = headers();
    writeCallbackTask(task, this.#publisher.source, inject(context.active()), (name, value) =>
      messageHeaders.set(name, value),
    );
    const subject = callbackSubject(address.tenant, address.jobId);
    await this.#publisher.publishUntilStored(subject, writeJson(event), messageHeaders);
  }
}
