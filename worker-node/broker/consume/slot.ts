/** The slot of a host that a delivery has while it is handled. */
export interface Slot {
  /** Aborts when the host begins to stop. A delivery that waits is handed back then. */
  readonly stopping: AbortSignal;
  /** Says that the work is done, and only its end has to be stored: the slot is free soon, and the next message may come. */
  ending(): void;
  /** Gives the slot to other deliveries. Call this only while the delivery has the slot. */
  leave(): void;
  /**
   * Waits for a slot again, after {@link leave}. Others may have taken it meanwhile.
   * @param signal when it aborts, the delivery gets a slot at once, above the limit if need be, so that it can end
   */
  enter(signal: AbortSignal): Promise<void>;
}

/** A slot that is there for one delivery only. */
export const OWN_SLOT: Slot = {
  stopping: new AbortController().signal,
  ending: () => undefined,
  leave: () => undefined,
  enter: () => Promise.resolve(),
};
