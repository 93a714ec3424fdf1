import { InputSchema } from '../../../edge/validation/input-schema.ts';
import { StepBudget } from '../../../edge/validation/step-budget.ts';
import type { HostileFamily } from '../../support/hostile-schemas.ts';

/** What the check says about an input of a hostile family, within the budget of a request, and the steps that it took. */
export function checkFamily(
  { schema, input }: HostileFamily,
  size: number,
): { outcome: string; steps: number } {
  const budget = new StepBudget(1_000_000);
  const { outcome } = new InputSchema(schema).check(input(size), budget);
  return { outcome, steps: Math.round(budget.spent) };
}
