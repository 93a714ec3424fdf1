/**
 * The deliveries of a host that only store their end, so that their slots are free soon. If the broker takes too long for that, no slot
 * counts as free soon until an end is stored in time again. Otherwise a full host would take messages and hand them back again and again.
 */
export class EndingSlots {
  readonly #soonMs: number;
  #count = 0;
  #areSlow = false;

  /** @param soonMs how long a message may wait for such a slot */
  constructor(soonMs: number) {
    this.#soonMs = soonMs;
  }

  /** How many slots are free soon. */
  get count(): number {
    return this.#areSlow ? 0 : this.#count;
  }

  /** A message has waited in vain for one of them. */
  waitedInVain(): void {
    this.#areSlow = true;
  }

  /** A delivery stores its end from now on. @returns a function to call once when it has ended */
  begin(): () => void {
    const began = performance.now();
    this.#count++;
    return () => {
      this.#count--;
      this.#areSlow = performance.now() - began > this.#soonMs;
    };
  }
}
