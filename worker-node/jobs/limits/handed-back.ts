import { type Delivery, messageKey } from '../../broker/consume/delivery.ts';

const CAPACITY = 100_000;

/** The messages that this process handed back because of a limit or a pause, the newest ones. Their jobs are known to wait. */
export class HandedBack {
  readonly #keys = new Set<string>();

  add(delivery: Delivery): void {
    this.#keys.add(messageKey(delivery));
    const [oldest] = this.#keys;
    if (oldest !== undefined && this.#keys.size > CAPACITY) this.#keys.delete(oldest);
  }

  has(delivery: Delivery): boolean {
    return this.#keys.has(messageKey(delivery));
  }

  delete(delivery: Delivery): void {
    this.#keys.delete(messageKey(delivery));
  }
}
