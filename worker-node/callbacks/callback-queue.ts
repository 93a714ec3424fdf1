import type { JetStreamClient } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { context } from '@opentelemetry/api';
import { callbackTask, writeCallbackTask } from '../../shared/callback-task.ts';
import type { JobEvent } from '../../shared/event.ts';
import { inject } from '../../shared/propagation/index.ts';
import { callbackSubject } from '../../shared/subjects.ts';
import { type JobMessage, writeJson } from '../../shared/wire.ts';
import type { BrokerRetry } from '../broker/broker-retry.ts';
import { publishUntilStored, workerSource } from '../broker/event-publisher.ts';

/** Hands the ends of jobs over to whoever delivers callbacks. */
export class CallbackQueue {
  readonly #jetStream: JetStreamClient;
  readonly #retry: BrokerRetry;
  readonly #source: string;

  constructor(jetStream: JetStreamClient, retry: BrokerRetry, worker: string) {
    this.#jetStream = jetStream;
    this.#retry = retry;
    this.#source = workerSource(worker);
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
    writeCallbackTask(task, this.#source, inject(context.active()), (name, value) =>
      messageHeaders.set(name, value),
    );
    const subject = callbackSubject(address.tenant, address.jobId);
    await publishUntilStored(this.#jetStream, subject, writeJson(event), messageHeaders, this.#retry);
  }
}
