import type { RequestBroker } from '../../nats/request-broker.ts';

/**
 * Lets only one submission with an idempotency key make its job at a time. JetStream drops the second message with an id only within
 * one stream, and of two requests with one key one may be delayed and the other not.
 */
export class KeyTurns {
  /** The submissions under way, by what the ids of the jobs of a key have in common. */
  readonly #turns = new Map<string, Promise<void>>();

  /**
   * Does the work of a submission, unless another one of its key is under way.
   * @param broker the broker of the submission. It limits the wait for another submission
   * @returns undefined if another one was under way and has ended: look for its job
   * @throws ThroughlineError `broker-unavailable` if the other one takes too long; what `work` throws
   */
  async take<T>(
    keyId: string,
    broker: Pick<RequestBroker, 'inTime'>,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    const other = this.#turns.get(keyId);
    if (other !== undefined) {
      await broker.inTime(other);
      return undefined;
    }
    const turn = Promise.withResolvers<void>();
    this.#turns.set(keyId, turn.promise);
    try {
      return await work();
    } finally {
      this.#turns.delete(keyId);
      turn.resolve();
    }
  }
}
