import type { Place, Report } from './report.ts';
import type { Run } from './run.ts';
import { and, NO, UNKNOWN, type Verdict, YES } from './verdict.ts';

/** A summary of a schema. It shows which form of a union a value was meant to have. */
export interface Outline {
  /** The types that the schema allows. */
  readonly types?: readonly string[];
  /** The only values that the schema allows. */
  readonly values?: readonly unknown[];
  /** The fields that can have a few values only, such as `kind`. */
  readonly tags?: ReadonlyMap<string, SchemaNode>;
}

/** What one keyword of a schema asks of a value. */
export interface Rule {
  /** Whether a value keeps the rule. */
  judge(value: unknown, run: Run): Verdict;
  /** Says what is wrong with a value that breaks the rule for certain. */
  explain(value: unknown, place: Place, report: Report): void;
  /** What the rule adds to the outline of its schema. */
  outline?(): Outline;
}

/** A schema that was read. */
export class SchemaNode {
  /** In the order in which they are judged. */
  readonly #rules: readonly Rule[];
  /** Whether the schema has no schemas inside. With inner schemas, judging may take long, or go in a circle. */
  readonly #isLeaf: boolean;
  #outline: Outline | undefined;

  constructor(rules: readonly Rule[], isLeaf: boolean) {
    this.#rules = rules;
    this.#isLeaf = isLeaf;
  }

  /** Whether a value keeps all rules. */
  judge(value: unknown, run: Run): Verdict {
    return run.isExplanation ? this.judgeOnce(value, run) : this.#judgeRules(value, run);
  }

  /** The same, for a node that is asked again about the same value. */
  judgeOnce(value: unknown, run: Run): Verdict {
    if (this.#isLeaf) return this.#judgeRules(value, run);
    return run.once(this, value, () => this.#judgeRules(value, run));
  }

  /** It stops at the first rule that the value breaks. */
  #judgeRules(value: unknown, run: Run): Verdict {
    if (!run.enter()) return UNKNOWN;
    let verdict: Verdict = YES;
    for (const rule of this.#rules) {
      verdict = and(verdict, rule.judge(value, run));
      if (verdict === NO) break;
    }
    run.leave();
    return verdict;
  }

  /** Says what is wrong with a value that breaks a rule for certain. */
  explain(value: unknown, place: Place, report: Report): void {
    for (const rule of this.#rules) {
      if (report.isFull) return;
      if (rule.judge(value, report.run) === NO) rule.explain(value, place, report);
    }
  }

  /** The summary of this schema. */
  get outline(): Outline {
    if (this.#outline !== undefined) return this.#outline;
    // A circle of references comes back to here.
    this.#outline = {};
    const outline: Outline = Object.assign({}, ...this.#rules.map((rule) => rule.outline?.()));
    this.#outline = outline;
    return outline;
  }
}
