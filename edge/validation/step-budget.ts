/**
 * The most steps for all inputs of a request together, or for that of a schedule's run. They take 20 to 150 ms
 * (`bench/validation.ts`): no request may hold its isolate for long.
 */
export const MOST_STEPS = 1_000_000;

/**
 * How much work a check may do, in steps. A step is about the work of one rule on one value. Time cannot be the measure:
 * in workerd the clock stands still while code runs.
 */
export class StepBudget {
  readonly #steps: number;
  #spent = 0;

  constructor(steps: number) {
    this.#steps = steps;
  }

  get spent(): number {
    return this.#spent;
  }

  get left(): number {
    return Math.max(0, this.#steps - this.#spent);
  }

  get isSpent(): boolean {
    return this.#spent >= this.#steps;
  }

  spend(steps: number): void {
    this.#spent += steps;
  }

  /** Spends what is left: the check must not go on. */
  spendAll(): void {
    this.#spent = Math.max(this.#spent, this.#steps);
  }
}
