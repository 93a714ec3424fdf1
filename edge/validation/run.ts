import { StepBudget } from './step-budget.ts';
import { ValueIds } from './value-ids.ts';
import { and, NO, UNKNOWN, type Verdict, YES } from './verdict.ts';

/** How deeply schemas may be judged inside each other. Each level takes a part of the stack. */
const MAX_DEPTH = 512;

/** One check of one input: its budget, and what is known already. */
export class Run {
  /** One that is never collected: V8 discards compiled code for a class when it has collected all objects of that class. */
  static readonly kept = new Run(new StepBudget(0));
  readonly budget: StepBudget;
  /** Whether it is for an explanation, which asks for the verdicts of inner schemas again and again. */
  readonly isExplanation: boolean;
  #verdicts: Map<object, Map<unknown, Verdict>> | undefined;
  #ids: ValueIds | undefined;
  #depth = 0;

  /** @param before a run over the same input, whose verdicts are known */
  constructor(budget: StepBudget, before?: Run) {
    this.budget = budget;
    this.isExplanation = before !== undefined;
    if (before !== undefined) this.#verdicts = before.#verdicts;
  }

  /** A number for a value. Two values have the same number only if they are equal as JSON. */
  idOf(value: unknown): number {
    this.#ids ??= new ValueIds(this.budget);
    return this.#ids.idOf(value);
  }

  /** Goes one level deeper. @returns false if the budget is spent or the level is too deep: then nothing can be said */
  enter(): boolean {
    this.budget.spend(1);
    if (this.#depth >= MAX_DEPTH) this.budget.spendAll();
    if (this.budget.isSpent) return false;
    this.#depth++;
    return true;
  }

  /** Comes back from a level that {@link enter} allowed. */
  leave(): void {
    this.#depth--;
  }

  /**
   * The verdict of a node that several references may point at, or of a pattern. Each value is judged once, or the time would
   * double with each level of a recursive schema, and an explanation would read each text again. A circle that comes back to
   * the same value says nothing (`UNKNOWN`).
   * @param judge gives the verdict if it is not known yet
   */
  once(node: object, value: unknown, judge: () => Verdict): Verdict {
    this.#verdicts ??= new Map();
    let verdicts = this.#verdicts.get(node);
    if (verdicts === undefined) {
      verdicts = new Map();
      this.#verdicts.set(node, verdicts);
    }
    // Looking up a text reads the whole text.
    this.budget.spend(typeof value === 'string' ? 1 + value.length / 64 : 1);
    const known = verdicts.get(value);
    if (known !== undefined) return known;
    verdicts.set(value, UNKNOWN);
    const verdict = judge();
    verdicts.set(value, verdict);
    return verdict;
  }

  /** The lowest verdict of some parts. It stops at the first `NO`, or when the budget is spent. */
  all<T>(parts: Iterable<T>, judge: (part: T) => Verdict): Verdict {
    let lowest: Verdict = YES;
    for (const part of parts) {
      if (this.budget.isSpent) return and(lowest, UNKNOWN);
      lowest = and(lowest, judge(part));
      if (lowest === NO) return NO;
    }
    return lowest;
  }

  /** The highest verdict of some parts. It stops at the first `YES`, or when the budget is spent. */
  any<T>(parts: Iterable<T>, judge: (part: T) => Verdict): Verdict {
    let highest: Verdict = NO;
    for (const part of parts) {
      if (this.budget.isSpent) return UNKNOWN;
      const verdict = judge(part);
      if (verdict === YES) return YES;
      if (verdict === UNKNOWN) highest = UNKNOWN;
    }
    return highest;
  }
}
