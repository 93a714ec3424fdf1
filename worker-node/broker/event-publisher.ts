import { randomUUID } from 'node:crypto';
import type { PubAck } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import { inject } from '../../shared/propagation/index.ts';
import { ATTR, MESSAGING_SYSTEM, TEMPLATE } from '../../shared/trace/semantics.ts';
import { writeEventHeaders } from '../../shared/wire/event-message.ts';
import { HEADER } from '../../shared/wire/headers.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { idPerRedrive } from '../../shared/wire/redrive.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import { isWrongLastSequence } from './broker-retry.ts';
import type { StoredPublisher } from './stored-publisher.ts';

const tracer = trace.getTracer('throughline-worker');

/** Where an event goes: behind the job's event with this sequence (0: it is the first), or nowhere. */
export interface EventPlace {
  readonly after: number;
  /** The broker had a message with the event's id: this one gets another. */
  readonly anotherId?: boolean;
}

/** The sequence of an event that was stored; or why it was not: another stands there, or one with its id is known. */
export type Append = number | 'taken' | 'duplicate';

/**
 * Writes events to `events.<tenant>.<jobId>`. Each one names the event that it follows, so that of two who write on
 * the same job one finds out.
 */
export class EventPublisher {
  readonly #publisher: StoredPublisher;

  constructor(publisher: StoredPublisher) {
    this.#publisher = publisher;
  }

  /**
   * Sends word once: started, progress.
   * @throws whatever the NATS client throws where the broker does not answer
   */
  async tell(tenant: string, event: JobEvent, place: EventPlace): Promise<Append> {
    const messageHeaders = this.#headers(event, place);
    return await appended(() =>
      this.#publisher.publish(eventSubject(tenant, event.jobId), writeJson(event), messageHeaders),
    );
  }

  /**
   * Records an event, inside the span `send events`: `write` says where to, as often as it must.
   * @param write gets what {@link tell} does, but that tries on for as long as the worker has patience
   * @throws ThroughlineError `broker-unavailable`
   */
  async record<T>(
    tenant: string,
    event: JobEvent,
    write: (append: (place: EventPlace) => Promise<Append>) => Promise<T>,
  ): Promise<T> {
    const subject = eventSubject(tenant, event.jobId);
    const body = writeJson(event);
    const attributes = {
      [ATTR.messagingSystem]: MESSAGING_SYSTEM,
      [ATTR.operationType]: 'send',
      [ATTR.operationName]: 'publish',
      [ATTR.destinationName]: subject,
      [ATTR.destinationTemplate]: TEMPLATE.events,
      [ATTR.messageBodySize]: body.length,
      [ATTR.jobId]: event.jobId,
      [ATTR.jobOutcome]: event.kind,
    };
    return await tracer.startActiveSpan(
      'send events',
      { kind: SpanKind.PRODUCER, attributes },
      async (span) => {
        try {
          return await write((place) => this.#append(subject, body, this.#headers(event, place)));
        } catch (thrown) {
          span.setStatus({ code: SpanStatusCode.ERROR, message: describeThrown(thrown) });
          throw thrown;
        } finally {
          span.end();
        }
      },
    );
  }

  /** As {@link record}, without a span: word that an attempt begins. @throws ThroughlineError `broker-unavailable` */
  async claim(tenant: string, event: JobEvent, place: EventPlace): Promise<Append> {
    return await this.#append(
      eventSubject(tenant, event.jobId),
      writeJson(event),
      this.#headers(event, place),
    );
  }

  #append(subject: string, body: Uint8Array, messageHeaders: MsgHdrs): Promise<Append> {
    return appended(() => this.#publisher.publishUntilStored(subject, body, messageHeaders));
  }

  #headers(event: JobEvent, { after, anotherId = false }: EventPlace): MsgHdrs {
    const messageHeaders = headers();
    const id = idPerRedrive(messageIdOf(event), event.redriveCount);
    const ids = { messageId: anotherId ? `${id}:${randomUUID()}` : id, source: this.#publisher.source };
    writeEventHeaders(event, ids, inject(context.active()), (name, value) => messageHeaders.set(name, value));
    messageHeaders.set(HEADER.expectedLast, String(after));
    return messageHeaders;
  }
}

async function appended(publish: () => Promise<PubAck>): Promise<Append> {
  try {
    const { duplicate, seq } = await publish();
    return duplicate ? 'duplicate' : seq;
  } catch (thrown) {
    const cause = thrown instanceof ThroughlineError ? thrown.cause : thrown;
    if (isWrongLastSequence(cause)) return 'taken';
    throw thrown;
  }
}

/** One id for the end of a job, whoever ends it; otherwise one per attempt and kind. Progress has no second copy. */
function messageIdOf(event: JobEvent): string {
  if (isTerminalEvent(event)) return `${event.jobId}:end`;
  if (event.kind === 'progress') return `${event.jobId}:${event.attempt}:progress:${event.at}`;
  return `${event.jobId}:${event.attempt}:${event.released}:${event.kind}`;
}
