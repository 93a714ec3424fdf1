import type { JetStreamManager } from '@nats-io/jetstream';
import type { CallbackEvent } from '../../../shared/job/callback-event.ts';
import { EVENTS_STREAM } from '../../../shared/nats/streams.ts';
import { readCallbackEvent } from '../../../shared/wire/event-message.ts';
import { callbackEventSubject } from '../../../shared/wire/subjects.ts';
import type { BrokerRetry } from '../broker-retry.ts';
import { lastMessage } from '../last-message.ts';

/** Reads what is recorded about callbacks. */
export class CallbackRecords {
  readonly #manager: JetStreamManager;
  readonly #retry: BrokerRetry;

  constructor(manager: JetStreamManager, retry: BrokerRetry) {
    this.#manager = manager;
    this.#retry = retry;
  }

  /**
   * The last event of a job's callback; undefined if there is none, or if it cannot be read. Tries until the broker answers.
   * @throws ThroughlineError `broker-unavailable`
   */
  async last(tenant: string, jobId: string): Promise<CallbackEvent | undefined> {
    const subject = callbackEventSubject(tenant, jobId);
    const message = await this.#retry.run('callback records cannot be read', () =>
      lastMessage(this.#manager, EVENTS_STREAM, subject),
    );
    return message === undefined ? undefined : readCallbackEvent(message.data);
  }
}
