/** Limits how many pieces of work run at the same time. Other work waits in order. */
export class Semaphore {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether work would run at once. */
  get isFree(): boolean {
    return this.#held < this.#limit;
  }

  /**
   * Waits until less work runs than the limit allows, and then runs `work`. If the signal aborts first, `work` runs
   * immediately, outside the limit. For this reason `work` has to check the signal before it does anything.
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (signal.aborted) return await work();
    if (this.#held < this.#limit) this.#held++;
    else if (!(await this.#turn(signal))) return await work();
    try {
      return await work();
    } finally {
      // The next waiting work takes over directly, so that newer work cannot get ahead of it.
      const next = this.#waiting.shift();
      if (next === undefined) this.#held--;
      else next();
    }
  }

  /** Waits for a turn. @returns false if the signal aborted first */
  #turn(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(true);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        resolve(false);
      };
      this.#waiting.push(enter);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
