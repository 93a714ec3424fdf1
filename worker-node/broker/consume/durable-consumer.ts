import type { Consumer } from '@nats-io/jetstream';
import { ThroughlineError } from '../../../shared/errors.ts';
import { API_CODE } from '../../../shared/nats/api-error.ts';
import { type ConsumerDefinition, NANOS_PER_MS } from '../../../shared/nats/streams.ts';
import type { WorkerLogger } from '../../log.ts';
import { hasApiCode } from '../connection/api-error.ts';
import type { Broker } from '../connection/broker.ts';
import { isClustered } from '../connection/server.ts';
import { ensureConsumer } from '../provision.ts';
import { PullInboxes } from './pull-inboxes.ts';

/**
 * The consumer that this worker pulls from. After a failure the consumer is looked up again. If it was deleted, it is
 * created again: a consumer only stores which messages were delivered, so no job is lost. A deleted stream is not
 * created again, because its messages are lost and an operator has to know. Only the start of a worker creates streams.
 */
export class DurableConsumer {
  readonly #broker: Broker;
  readonly #stream: string;
  readonly #definition: ConsumerDefinition;
  readonly #log: WorkerLogger;
  /** Asks this consumer for messages that are known to wait. */
  readonly inboxes: PullInboxes;
  #found: Promise<Consumer> | undefined;
  #createdMs = Number.POSITIVE_INFINITY;
  #isInCluster = false;

  constructor(broker: Broker, stream: string, definition: ConsumerDefinition, log: WorkerLogger) {
    this.#broker = broker;
    this.#stream = stream;
    this.#definition = definition;
    this.#log = log;
    this.inboxes = new PullInboxes(broker.connection, { stream, name: definition.durable_name });
  }

  /** When the consumer was created, on the broker's clock; infinity while this is not known. */
  get createdMs(): number {
    return this.#createdMs;
  }

  /** How long the broker waits for the ack of a delivery before it delivers the message again. */
  get ackWaitMs(): number {
    return this.#definition.ack_wait / NANOS_PER_MS;
  }

  /** Whether a cluster keeps the consumer, as far as is known: one of its servers then answers all pulls. */
  get isClustered(): boolean {
    return this.#isInCluster || isClustered(this.#broker);
  }

  /**
   * Returns the consumer, and looks it up first if needed.
   * @throws ThroughlineError `broker-unavailable` naming the missing stream; any error that the NATS client throws
   */
  get(): Promise<Consumer> {
    this.#found ??= this.#find().catch((thrown: unknown) => {
      this.#found = undefined;
      throw thrown;
    });
    return this.#found;
  }

  /**
   * Makes the next {@link get} look up the consumer again. The consumer may have been deleted, or replaced by another
   * one with the same name.
   */
  forget(): void {
    this.#found = undefined;
    this.#createdMs = Number.POSITIVE_INFINITY;
  }

  async #find(): Promise<Consumer> {
    try {
      const consumer = await this.#lookUp().catch(async (thrown: unknown) => {
        if (!hasApiCode(thrown, API_CODE.consumerNotFound)) throw thrown;
        return await this.#create();
      });
      const { created, cluster } = await consumer.info(true);
      this.#createdMs = Date.parse(created);
      this.#isInCluster = cluster !== undefined;
      return consumer;
    } catch (cause) {
      if (!hasApiCode(cause, API_CODE.streamNotFound)) throw cause;
      throw new ThroughlineError('broker-unavailable', `stream ${this.#stream} does not exist`, { cause });
    }
  }

  #lookUp(): Promise<Consumer> {
    return this.#broker.jetStream.consumers.get(this.#stream, this.#definition.durable_name);
  }

  async #create(): Promise<Consumer> {
    await ensureConsumer(this.#broker, this.#stream, this.#definition, this.#log);
    const fields = { consumer: this.#definition.durable_name, stream: this.#stream };
    this.#log.warn(fields, 'the consumer was deleted; created again');
    return await this.#lookUp();
  }
}
