import { headers } from '@nats-io/transport-node';
import { context } from '@opentelemetry/api';
import type { CallbackEvent } from '../../shared/job/callback-event.ts';
import { inject } from '../../shared/propagation/index.ts';
import { writeCallbackEventHeaders } from '../../shared/wire/event-message.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { idPerRedrive } from '../../shared/wire/redrive.ts';
import { callbackEventSubject } from '../../shared/wire/subjects.ts';
import type { StoredPublisher } from '../broker/stored-publisher.ts';

/** Writes what became of callbacks to `events.<tenant>.<jobId>.callback`. */
export class CallbackEventPublisher {
  readonly #publisher: StoredPublisher;

  constructor(publisher: StoredPublisher) {
    this.#publisher = publisher;
  }

  /** Returns once JetStream has it. @throws ThroughlineError `broker-unavailable` */
  async record(tenant: string, event: CallbackEvent): Promise<void> {
    const messageHeaders = headers();
    const messageId = idPerRedrive(`${event.jobId}:callback:${event.attempt}`, event.redriveCount);
    writeCallbackEventHeaders(
      event,
      { messageId, source: this.#publisher.source },
      inject(context.active()),
      (name, value) => messageHeaders.set(name, value),
    );
    const subject = callbackEventSubject(tenant, event.jobId);
    await this.#publisher.publishUntilStored(subject, writeJson(event), messageHeaders);
  }
}
