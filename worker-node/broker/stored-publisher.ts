import type { JetStreamClient, PubAck } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import type { SetHeader } from '../../shared/wire/headers.ts';
import type { BrokerRetry } from './broker-retry.ts';

export type MessageHeaders = MsgHdrs;

/** The headers that `write` sets. */
export function messageHeaders(write: (set: SetHeader) => void): MessageHeaders {
  const written = headers();
  write((name, value) => written.set(name, value));
  return written;
}

/** Publishes messages for one worker. A call returns once JetStream has stored the message. */
export class StoredPublisher {
  readonly #jetStream: JetStreamClient;
  readonly #retry: BrokerRetry;
  /** The source that the worker's CloudEvents name. */
  readonly source: string;

  constructor(jetStream: JetStreamClient, retry: BrokerRetry, worker: string) {
    this.#jetStream = jetStream;
    this.#retry = retry;
    this.source = `/throughline/worker/${encodeURIComponent(worker)}`;
  }

  /** Publishes once. @throws whatever the NATS client throws if the broker does not answer */
  async publish(subject: string, body: Uint8Array, headers: MessageHeaders): Promise<PubAck> {
    return await this.#jetStream.publish(subject, body, { headers });
  }

  /**
   * Publishes until the message is stored. The broker drops a second copy by its `Nats-Msg-Id`.
   * @throws ThroughlineError `broker-unavailable` as {@link BrokerRetry.run}
   */
  async publishUntilStored(subject: string, body: Uint8Array, headers: MessageHeaders): Promise<PubAck> {
    const [kind = ''] = subject.split('.', 1);
    return await this.#retry.run(`messages on ${kind}.> cannot be stored`, () =>
      this.publish(subject, body, headers),
    );
  }
}
