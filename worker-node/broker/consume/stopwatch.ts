/** Measures the time since it was made. The monotonic clock stands still while a machine sleeps, and the wall clock may be set. */
export class Stopwatch {
  readonly #monotonicMs = performance.now();
  readonly #wallMs = Date.now();

  /** By the clock that shows more. */
  get elapsedMs(): number {
    return Math.max(performance.now() - this.#monotonicMs, Date.now() - this.#wallMs);
  }
}
