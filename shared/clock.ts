/** A difference up to this is normal between machines that set their clocks over the network. */
export const CLOCK_TOLERANCE_MS = 5_000;
