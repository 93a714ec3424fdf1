import type { JetStreamClient, PubAck } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { BrokerRetry } from './broker-retry.ts';

/** Publishes for one worker, and returns once JetStream has it. */
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

  /** Publishes once. @throws whatever the NATS client throws where the broker does not answer */
  async publish(subject: string, body: Uint8Array, headers: MsgHdrs): Promise<PubAck> {
    return await this.#jetStream.publish(subject, body, { headers });
  }

  /**
   * Publishes until it is stored. With a `Nats-Msg-Id`, trying again does not store it twice.
   * @throws ThroughlineError `broker-unavailable` as {@link BrokerRetry.run}
   */
  async publishUntilStored(subject: string, body: Uint8Array, headers: MsgHdrs): Promise<PubAck> {
    const [kind = ''] = subject.split('.', 1);
    return await this.#retry.run(`messages on ${kind}.> cannot be stored`, () =>
      this.publish(subject, body, headers),
    );
  }
}
