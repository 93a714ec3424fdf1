/** How much time has passed since it was made. The steady clock stands still while a machine sleeps, the other one may be set. */
export class Stopwatch {
  readonly #steadyMs = performance.now();
  readonly #wallMs = Date.now();

  /** By the clock that says more. */
  get elapsedMs(): number {
    return Math.max(performance.now() - this.#steadyMs, Date.now() - this.#wallMs);
  }
}
