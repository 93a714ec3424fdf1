import type { RequestBroker } from '../../nats/request-broker.ts';

/**
 * Lets only one of the submissions with an idempotency key make its job at a time. JetStream notices two messages with one id only if
 * they go to the same stream, and of two requests with one key only one may be delayed.
 */
export class KeyTurns {
  /** The submissions under way, by the ids of their jobs. */
  readonly #turns = new Map<string, Promise<void>>();

  /**
   * Does the work of a submission, unless another one of its key is under way.
   * @param broker that of the submission, which limits how long it waits for another one
   * @returns undefined after another one was under way: look for its job
   * @throws ThroughlineError `broker-unavailable` if the other one takes too long; what `work` throws
   */
  async take<T>(
    jobId: string,
    broker: Pick<RequestBroker, 'inTime'>,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    const other = this.#turns.get(jobId);
    if (other !== undefined) {
      await broker.inTime(other);
      return undefined;
    }
    const turn = Promise.withResolvers<void>();
    this.#turns.set(jobId, turn.promise);
    try {
      return await work();
    } finally {
      this.#turns.delete(jobId);
      turn.resolve();
    }
  }
}
