import { randomUUID } from 'node:crypto';
import type { PubAck } from '@nats-io/jetstream';
import { context, type Span } from '@opentelemetry/api';
import type { JobEvent } from '../../shared/job/event.ts';
import { inject } from '../../shared/propagation/index.ts';
import { messagingSpan } from '../../shared/trace/messaging-span.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { serverAttributes } from '../../shared/trace/server-address.ts';
import { eventMessageId, writeEventHeaders, writeJobEvent } from '../../shared/wire/event-message.ts';
import { HEADER } from '../../shared/wire/headers.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import { Shapes, SpanShape } from '../telemetry/spans/span-shape.ts';
import { startSpan } from '../telemetry/spans/start-span.ts';
import { isWrongLastSequence } from './connection/api-error.ts';
import { pooledUtf8 } from './publish/pooled-memory.ts';
import {
  type MessageHeaders,
  messageHeaders,
  messageSize,
  type StoredPublisher,
} from './stored-publisher.ts';

/** Which event of the job the next one follows. */
interface EventPlace {
  /** The sequence of the job's last event; 0: it has none. */
  readonly after: number;
  /** Whether the event needs a new message id, since the broker takes the usual one for a duplicate. */
  readonly needsNewId: boolean;
}

/** The sequence of the stored event; or why it was not stored: another event is there, or its message id is known. */
export type AppendResult = number | 'taken' | 'duplicate';

/** An event, ready to be published any number of times. */
export interface OutgoingEvent {
  readonly event: JobEvent;
  readonly subject: string;
  readonly body: Uint8Array;
}

/** @throws ThroughlineError `internal` if the event could not be read again */
export function outgoingEvent(tenant: string, event: JobEvent): OutgoingEvent {
  return { event, subject: eventSubject(tenant, event.jobId), body: writeJobEvent(event, pooledUtf8) };
}

/**
 * Writes events to `events.<tenant>.<jobId>`. Each event names the one that it follows. When two workers write events
 * of one job, the broker stores only the one that follows the last event, so the other worker notices.
 */
export class EventPublisher {
  readonly #publisher: StoredPublisher;

  constructor(publisher: StoredPublisher) {
    this.#publisher = publisher;
  }

  /** The server that the connection leads to, as a URL; undefined if it is not known. */
  get server(): string | undefined {
    return this.#publisher.server;
  }

  /** Tries until the broker answers. @throws ThroughlineError `broker-unavailable` */
  append(outgoing: OutgoingEvent, place: EventPlace): Promise<AppendResult> {
    const { subject, body } = outgoing;
    return appendResult(this.#publisher.publishUntilStored(subject, body, this.#headers(outgoing, place)));
  }

  /** Tries once. @throws whatever the NATS client throws if the broker does not answer */
  appendOnce(outgoing: OutgoingEvent, place: EventPlace): Promise<AppendResult> {
    const { subject, body } = outgoing;
    return appendResult(this.#publisher.publish(subject, body, this.#headers(outgoing, place)));
  }

  /** How many bytes the message of an event has for NATS. */
  sizeOf(outgoing: OutgoingEvent): number {
    return messageSize(
      outgoing.body,
      this.#headers(outgoing, { after: Number.MAX_SAFE_INTEGER, needsNewId: true }),
    );
  }

  #headers({ event }: OutgoingEvent, { after, needsNewId }: EventPlace): MessageHeaders {
    const id = eventMessageId(event);
    const ids = { messageId: needsNewId ? `${id}:${randomUUID()}` : id, source: this.#publisher.source };
    return messageHeaders((set) => {
      writeEventHeaders(event, ids, inject(context.active()), set);
      set(HEADER.expectedLast, String(after));
    });
  }
}

/** The `send` span of an event that ends an attempt. @param server the server of NATS, as a URL */
export function startSendSpan({ event, subject, body }: OutgoingEvent, server: string | undefined): Span {
  return startSpan(SENDING.of('', server), {
    own: [
      ...[ATTR.destinationName, subject, ATTR.messageBodySize, body.length],
      ...[ATTR.jobId, event.jobId, ATTR.jobOutcome, event.kind],
    ],
  });
}

/** What the events of all jobs have in common. */
const SENDING = new Shapes((_, server) => {
  const { attributes, ...span } = messagingSpan('send', eventSubject('tenant', 'job'));
  const { [ATTR.destinationName]: _subject, ...common } = { ...attributes, ...serverAttributes(server) };
  return new SpanShape({ ...span, attributes: common });
});

async function appendResult(published: Promise<PubAck>): Promise<AppendResult> {
  try {
    const { duplicate, seq } = await published;
    return duplicate ? 'duplicate' : seq;
  } catch (thrown) {
    if (isWrongLastSequence(thrown)) return 'taken';
    throw thrown;
  }
}
