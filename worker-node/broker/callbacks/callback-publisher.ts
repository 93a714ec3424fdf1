import { context } from '@opentelemetry/api';
import type { CallbackEvent } from '../../../shared/job/callback-event.ts';
import type { JobEvent } from '../../../shared/job/event.ts';
import { inject } from '../../../shared/propagation/index.ts';
import { callbackTask, writeCallbackTask } from '../../../shared/wire/callback-task.ts';
import {
  writeCallbackEvent,
  writeCallbackEventHeaders,
  writeJobEvent,
} from '../../../shared/wire/event-message.ts';
import type { JobMessage } from '../../../shared/wire/job-message.ts';
import { idPerRedrive } from '../../../shared/wire/redrive.ts';
import { callbackEventSubject, callbackSubject } from '../../../shared/wire/subjects.ts';
import {
  type MessageHeaders,
  messageHeaders,
  messageSize,
  type StoredPublisher,
} from '../stored-publisher.ts';

/** Publishes the tasks to deliver callbacks, and the events that say how the deliveries ended. */
export class CallbackPublisher {
  readonly #publisher: StoredPublisher;

  constructor(publisher: StoredPublisher) {
    this.#publisher = publisher;
  }

  /**
   * Stores the callback task of a job, if the job asked for a callback at this end. JetStream drops a second copy
   * within its duplicate window.
   * @throws ThroughlineError `broker-unavailable`; then the delivery of the job must not be acknowledged
   */
  async store(job: Pick<JobMessage, 'address' | 'spec'>, event: JobEvent): Promise<void> {
    const headers = this.#taskHeaders(job, event);
    if (headers === undefined) return;
    const subject = callbackSubject(job.address.tenant, job.address.jobId);
    await this.#publisher.publishUntilStored(subject, writeJobEvent(event), headers);
  }

  /** How many bytes the message of the task has for NATS; 0: there is no task for this end. */
  sizeOf(job: Pick<JobMessage, 'address' | 'spec'>, event: JobEvent): number {
    const headers = this.#taskHeaders(job, event);
    return headers === undefined ? 0 : messageSize(writeJobEvent(event), headers);
  }

  #taskHeaders(
    { address, spec }: Pick<JobMessage, 'address' | 'spec'>,
    event: JobEvent,
  ): MessageHeaders | undefined {
    const task = callbackTask(address.tenant, spec.callback, event);
    if (task === undefined) return undefined;
    const { source } = this.#publisher;
    return messageHeaders((set) => writeCallbackTask(task, source, inject(context.active()), set));
  }

  /**
   * Records the end of a delivery on `events.<tenant>.<jobId>.callback`. Returns once JetStream has it.
   * @throws ThroughlineError `broker-unavailable`
   */
  async record(tenant: string, event: CallbackEvent): Promise<void> {
    const messageId = idPerRedrive(`${event.jobId}:callback:${event.attempt}`, event.redriveCount);
    const ids = { messageId, source: this.#publisher.source };
    const headers = messageHeaders((set) =>
      writeCallbackEventHeaders(event, ids, inject(context.active()), set),
    );
    const subject = callbackEventSubject(tenant, event.jobId);
    await this.#publisher.publishUntilStored(subject, writeCallbackEvent(event), headers);
  }
}
