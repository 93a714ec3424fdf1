import { type Consumer, JetStreamApiError, type JetStreamClient, type JsMsg } from '@nats-io/jetstream';
import { ThroughlineError } from '../../shared/errors.ts';
import { API_CODE } from '../../shared/nats/api-codes.ts';
import type { WorkerLogger } from '../log.ts';

export interface DurableConsumerParts {
  readonly jetStream: JetStreamClient;
  readonly stream: string;
  readonly name: string;
  /** Makes the consumer, where it is missing. */
  readonly ensure: () => Promise<void>;
  readonly log: WorkerLogger;
}

/**
 * The consumer that this worker pulls from, found again or made anew where it was deleted. It holds nothing but what was
 * delivered, so making it anew loses nothing. A stream is different: what was in it is gone, and only a start makes
 * one, when somebody looks.
 */
export class DurableConsumer {
  readonly #parts: DurableConsumerParts;
  #found: Promise<Consumer> | undefined;
  #createdMs = Number.POSITIVE_INFINITY;

  constructor(parts: DurableConsumerParts) {
    this.#parts = parts;
  }

  /** @throws ThroughlineError `broker-unavailable` naming what is missing, or whatever the NATS client throws */
  get(): Promise<Consumer> {
    this.#found ??= this.#find().catch((thrown: unknown) => {
      this.#found = undefined;
      throw thrown;
    });
    return this.#found;
  }

  /** To be looked up again: it may be gone, or another one of the same name. */
  forget(): void {
    this.#found = undefined;
    this.#createdMs = Number.POSITIVE_INFINITY;
  }

  /**
   * Whether the message was stored before the consumer was made: one that was deleted since may have delivered it, and
   * this one's delivery count says nothing of that. Both times are the broker's.
   */
  mayBeOlder({ time }: JsMsg): boolean {
    return time.getTime() <= this.#createdMs;
  }

  async #find(): Promise<Consumer> {
    const { stream, name, jetStream, ensure, log } = this.#parts;
    try {
      const consumer = await jetStream.consumers.get(stream, name).catch(async (thrown: unknown) => {
        if (!isMissing(thrown, API_CODE.consumerNotFound)) throw thrown;
        await ensure();
        log.warn({ consumer: name, stream }, 'consumer was gone; made anew');
        return await jetStream.consumers.get(stream, name);
      });
      const { created } = await consumer.info(true);
      this.#createdMs = Date.parse(created);
      return consumer;
    } catch (cause) {
      if (!isMissing(cause, API_CODE.streamNotFound)) throw cause;
      throw new ThroughlineError('broker-unavailable', `stream ${stream} does not exist`, { cause });
    }
  }
}

function isMissing(thrown: unknown, code: number): boolean {
  return thrown instanceof JetStreamApiError && thrown.code === code;
}
