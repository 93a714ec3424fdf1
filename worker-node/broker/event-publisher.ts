import { setTimeout as delay } from 'node:timers/promises';
import { JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { isTerminalEvent, type JobEvent } from '../../shared/event.ts';
import { inject } from '../../shared/propagation/index.ts';
import { inRound } from '../../shared/redrive.ts';
import { ATTR, MESSAGING_SYSTEM, TEMPLATE } from '../../shared/semantics.ts';
import { eventSubject } from '../../shared/subjects.ts';
import { HEADER, writeEventHeaders, writeJson } from '../../shared/wire.ts';
import { backoff } from '../jobs/backoff.ts';

const ATTEMPTS = 8;
const WRONG_LAST_SEQUENCE = [10071, 10164];
const PAUSE = { minDelayMs: 100, maxDelayMs: 5_000 };
const tracer = trace.getTracer('throughline-worker');

/** Writes events to `events.<tenant>.<jobId>`. */
export class EventPublisher {
  readonly #connection: NatsConnection;
  readonly #jetStream: JetStreamClient;
  readonly #source: string;

  constructor(connection: NatsConnection, jetStream: JetStreamClient, worker: string) {
    this.#connection = connection;
    this.#jetStream = jetStream;
    this.#source = workerSource(worker);
  }

  /**
   * Sends word that nobody has to wait for: started, progress.
   * @param after the server drops it unless this is the sequence of the job's last event (0: it has none)
   */
  tell(tenant: string, event: JobEvent, after?: number): void {
    const messageHeaders = this.#headers(event);
    if (after !== undefined) messageHeaders.set(HEADER.expectedLast, String(after));
    this.#connection.publish(eventSubject(tenant, event.jobId), writeJson(event), {
      headers: messageHeaders,
    });
  }

  /**
   * Records an event where the job's last one is still the one with this sequence (0: where it has none).
   * @returns whether it was stored
   * @throws ThroughlineError `broker-unavailable`
   */
  async claim(tenant: string, event: JobEvent, after: number): Promise<boolean> {
    const messageHeaders = this.#headers(event);
    messageHeaders.set(HEADER.expectedLast, String(after));
    try {
      const subject = eventSubject(tenant, event.jobId);
      await publishUntilStored(this.#jetStream, subject, writeJson(event), messageHeaders);
      return true;
    } catch (thrown) {
      const { cause } = ThroughlineError.from(thrown);
      if (cause instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.includes(cause.code)) return false;
      throw thrown;
    }
  }

  /**
   * Records an event: returns once JetStream has it, as the span `send events`. Tries on through a broker's restart;
   * the job is not settled before.
   * @throws ThroughlineError `broker-unavailable`
   */
  async record(tenant: string, event: JobEvent): Promise<void> {
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
    await tracer.startActiveSpan('send events', { kind: SpanKind.PRODUCER, attributes }, async (span) => {
      try {
        await publishUntilStored(this.#jetStream, subject, body, this.#headers(event));
      } catch (thrown) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: describeThrown(thrown) });
        throw thrown;
      } finally {
        span.end();
      }
    });
  }

  #headers(event: JobEvent): MsgHdrs {
    const messageHeaders = headers();
    const ids = { messageId: inRound(messageIdOf(event), event.round), source: this.#source };
    writeEventHeaders(event, ids, inject(context.active()), (name, value) => messageHeaders.set(name, value));
    return messageHeaders;
  }
}

/** The source that a worker's CloudEvents name. */
export function workerSource(worker: string): string {
  return `/throughline/worker/${encodeURIComponent(worker)}`;
}

/**
 * Publishes with a `Nats-Msg-Id` until JetStream acknowledges it, so that trying again never stores it twice.
 * @throws ThroughlineError `broker-unavailable` after the last try
 */
export async function publishUntilStored(
  jetStream: JetStreamClient,
  subject: string,
  body: Uint8Array,
  messageHeaders: MsgHdrs,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await jetStream.publish(subject, body, { headers: messageHeaders });
      return;
    } catch (cause) {
      if (attempt === ATTEMPTS || cause instanceof JetStreamApiError) {
        throw new ThroughlineError(
          'broker-unavailable',
          `cannot write to ${subject}: ${describeThrown(cause)}`,
          {
            cause,
          },
        );
      }
      await delay(backoff(attempt, PAUSE, Math.random()));
    }
  }
}

/** One id for the end of a round, whoever ends it; otherwise one per attempt and kind. Progress has no second copy. */
function messageIdOf(event: JobEvent): string {
  if (isTerminalEvent(event)) return `${event.jobId}:end`;
  if (event.kind === 'progress') return `${event.jobId}:${event.attempt}:progress:${event.at}`;
  return `${event.jobId}:${event.attempt}:${event.released}:${event.kind}`;
}
