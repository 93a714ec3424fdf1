import type { SubmitCommand } from '../calls/commands.ts';

/** The turn of a submission among those with its ordering key. */
export interface Turn {
  /**
   * Waits until the earlier submissions have ended.
   * @returns whether an earlier job of the same batch must be submitted again. This one must come after it
   */
  readonly begin: () => boolean | Promise<boolean>;
  /** Lets the next submission begin. @param again whether the job must be submitted again */
  readonly end: (again: boolean) => void;
}

const FREE: Turn = { begin: () => false, end: () => undefined };

interface Last {
  readonly batch: object;
  readonly ended: Promise<boolean>;
}

/**
 * Lets a bridge publish the jobs of one ordering key one after the other, in the order in which they came. Two messages that are
 * under way at the same time may be stored in the other order: one may wait for an answer of NATS, or go to the outbox.
 */
export class OrderTurns {
  readonly #last = new Map<string, Last>();

  /** Takes the next turn of a job's ordering key. @param batch the same object for all jobs of one request */
  take({ tenant, spec: { orderingKey } }: Pick<SubmitCommand, 'tenant' | 'spec'>, batch: object): Turn {
    if (orderingKey === undefined) return FREE;
    const key = `${tenant}/${orderingKey}`;
    const before = this.#last.get(key);
    const begin = async (): Promise<boolean> => (await before?.ended) === true && before?.batch === batch;
    const { promise: ended, resolve } = Promise.withResolvers<boolean>();
    const last = { batch, ended };
    this.#last.set(key, last);
    const end = async (again: boolean): Promise<void> => {
      const earlierAgain = await begin();
      if (this.#last.get(key) === last) this.#last.delete(key);
      resolve(again || earlierAgain);
    };
    return { begin, end: (again) => void end(again) };
  }
}
