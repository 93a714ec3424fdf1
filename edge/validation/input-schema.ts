import type { Violation } from '../../shared/errors.ts';
import { compileSchema } from './compile.ts';
import { Patterns } from './pattern/patterns.ts';
import { Report } from './report.ts';
import { Run } from './run.ts';
import type { SchemaNode } from './schema-node.ts';
import { StepBudget } from './step-budget.ts';
import { NO } from './verdict.ts';

/** What the check of an input found. The input goes to the worker unless it is `refused`. */
export type InputVerdict =
  | { readonly outcome: 'passed' }
  | { readonly outcome: 'refused'; readonly violations: readonly Violation[] }
  /** The budget was spent before a fault was found. */
  | { readonly outcome: 'overBudget' }
  /** The check itself failed: a fault of Throughline. */
  | { readonly outcome: 'failed'; readonly thrown: unknown };

/** The most steps that the check of one input may take. An input of full size takes about half of it with usual schemas. */
const STEPS_PER_INPUT = 250_000;
/** The least steps that there are to say what is wrong with an input that is refused. */
const STEPS_TO_EXPLAIN = 50_000;
/** To explain means to judge again, each schema for itself. So it may take some times as much as the check took. */
const CHECKS_TO_EXPLAIN = 4;

/** The schema that the edge checks the inputs of an operation by. */
export class InputSchema {
  readonly #schema: unknown;
  readonly #patterns = new Patterns();
  #node: SchemaNode | undefined;

  /** @param schema JSON Schema (2020-12). Parts that cannot be read are left to the worker */
  constructor(schema: unknown) {
    this.#schema = schema;
  }

  /** What its patterns take of the memory, as a number of states. A part of the schema is read when an input needs it. */
  get patternsWeight(): number {
    return this.#patterns.weight;
  }

  /**
   * Checks an input. Never throws.
   * @param budget what all inputs of a request may take together
   */
  check(input: unknown, budget: StepBudget): InputVerdict {
    const own = new StepBudget(Math.min(STEPS_PER_INPUT, budget.left));
    try {
      this.#node ??= compileSchema(this.#schema, this.#patterns);
      const run = new Run(own);
      const isBroken = this.#node.judge(input, run) === NO;
      if (isBroken) return { outcome: 'refused', violations: explain(this.#node, input, run) };
      return { outcome: own.isSpent ? 'overBudget' : 'passed' };
    } catch (thrown) {
      return { outcome: 'failed', thrown };
    } finally {
      budget.spend(own.spent);
    }
  }
}

/** Says what is wrong with an input that does not fit the schema. @param run the one that found so */
function explain(node: SchemaNode, input: unknown, run: Run): readonly Violation[] {
  const steps = Math.max(STEPS_TO_EXPLAIN, CHECKS_TO_EXPLAIN * run.budget.spent);
  const report = new Report(new Run(new StepBudget(steps), run));
  node.explain(input, [], report);
  const { violations } = report;
  return violations.length > 0 ? violations : [{ path: '', message: 'does not fit the schema' }];
}
