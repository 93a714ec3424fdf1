import type { JetStreamClient, PubAck } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/nats-core';
import { headerSetter } from '../../shared/nats/client/header-setter.ts';
import type { SetHeader } from '../../shared/wire/headers.ts';
import type { BrokerRetry } from './broker-retry.ts';
import { DEFAULT_MAX_PAYLOAD } from './connection/max-payload.ts';
import { PooledHeaders } from './publish/pooled-memory.ts';

export type MessageHeaders = MsgHdrs;

/** The headers that `write` sets. @throws InvalidArgumentError as {@link headerSetter} */
export function messageHeaders(write: (set: SetHeader) => void): MessageHeaders {
  const written = new PooledHeaders();
  write(headerSetter(written));
  return written;
}

/** How many bytes a message has for NATS, which compares them with `max_payload`. */
export function messageSize(body: Uint8Array, headers: MessageHeaders): number {
  let size = 'NATS/1.0\r\n\r\n'.length + body.length;
  for (const [name, values] of headers)
    for (const value of values) size += Buffer.byteLength(`${name}: ${value}\r\n`);
  return size;
}

/** Publishes messages for one worker. A call returns once JetStream has stored the message. */
export class StoredPublisher {
  readonly #jetStream: Pick<JetStreamClient, 'publish'>;
  readonly #retry: BrokerRetry;
  readonly #maxPayload: () => number;
  readonly #server: () => string | undefined;
  /** The source that the worker's CloudEvents name. */
  readonly source: string;

  /**
   * @param maxPayload gives how many bytes a message may have now, headers included; see `maxPayloadOf`
   * @param server gives the server that the connection leads to now, as a URL
   */
  constructor(
    jetStream: Pick<JetStreamClient, 'publish'>,
    retry: BrokerRetry,
    worker: string,
    maxPayload: () => number = () => DEFAULT_MAX_PAYLOAD,
    server: () => string | undefined = () => undefined,
  ) {
    this.#server = server;
    this.#jetStream = jetStream;
    this.#retry = retry;
    this.#maxPayload = maxPayload;
    this.source = `/throughline/worker/${encodeURIComponent(worker)}`;
  }

  /** How many bytes NATS takes in a message, headers included. */
  get maxPayload(): number {
    return this.#maxPayload();
  }

  /** The server that the connection leads to, as a URL; undefined if it is not known. */
  get server(): string | undefined {
    return this.#server();
  }

  /** Publishes once. @throws whatever the NATS client throws if the broker does not answer */
  publish(subject: string, body: Uint8Array, headers: MessageHeaders): Promise<PubAck> {
    return this.#jetStream.publish(subject, body, { headers });
  }

  /**
   * Publishes until the message is stored. The broker drops a second copy by its `Nats-Msg-Id`.
   * @throws ThroughlineError `broker-unavailable` as {@link BrokerRetry.run}
   */
  publishUntilStored(subject: string, body: Uint8Array, headers: MessageHeaders): Promise<PubAck> {
    const kind = subject.slice(0, subject.indexOf('.'));
    return this.#retry.run(`messages on ${kind}.> cannot be stored`, () =>
      this.publish(subject, body, headers),
    );
  }
}
