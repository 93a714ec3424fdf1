import { describe, expect, it } from 'vitest';
import { compileSchema } from '../../../edge/validation/compile.ts';
import { InputSchema } from '../../../edge/validation/input-schema.ts';
import { Run } from '../../../edge/validation/run.ts';
import { StepBudget } from '../../../edge/validation/step-budget.ts';
import { HOSTILE_FAMILIES } from '../../support/hostile-schemas.ts';

/** Far above what any of these takes: a check that runs wild fails the test, and does not hang it. */
const MAX_STEPS = 20_000_000;

/** How many steps a check takes, and the size of its input as JSON. */
function measure(schema: unknown, input: unknown): { readonly steps: number; readonly bytes: number } {
  const budget = new StepBudget(MAX_STEPS);
  compileSchema(schema).judge(input, new Run(budget));
  return { steps: budget.spent, bytes: JSON.stringify(input).length };
}

describe('the work of a check grows no faster than its input', () => {
  it.each(HOSTILE_FAMILIES.map((family) => [family.name, family] as const))(
    '%s',
    (_name, { schema, input }) => {
      const [once, tenTimes, hundredTimes] = [1, 10, 100].map((size) => measure(schema, input(size)));
      if (once === undefined || tenTimes === undefined || hundredTimes === undefined)
        throw new Error('unreachable');
      for (const larger of [tenTimes, hundredTimes]) {
        // A little room: the figures of indexes get longer.
        const growth = Math.max(10, larger.bytes / once.bytes) * 1.3;
        expect(larger.steps).toBeLessThanOrEqual(once.steps * growth);
      }
    },
  );

  it.each(HOSTILE_FAMILIES.map((family) => [family.name, family] as const))(
    '%s: and never beyond the budget by much',
    (_name, { schema, input }) => {
      const budget = new StepBudget(10_000);
      new InputSchema(schema).check(input(1_000), budget);
      expect(budget.spent).toBeLessThan(60_000);
    },
  );
});

describe('the memory of a schema', () => {
  /** A schema with a field for each pattern. */
  const withFields = (patterns: readonly string[]) => ({
    properties: Object.fromEntries(patterns.map((pattern, index) => [`f${index}`, { pattern }])),
  });
  const outcomeOf = (schema: unknown, input: unknown): string =>
    new InputSchema(schema).check(input, new StepBudget(MAX_STEPS)).outcome;

  it('has room for so many states of patterns: the patterns beyond are left to the worker', () => {
    const schema = withFields(Array.from({ length: 600 }, (_, index) => `^[a-z]{250}${index}$`));
    expect(outcomeOf(schema, { f0: '?' })).toBe('refused');
    expect(outcomeOf(schema, { f599: '?' })).toBe('passed');
  });

  it('counts a class of characters as several states, and a letter as one more', () => {
    const characters = (first: number, around: string) =>
      Array.from({ length: 1_000 }, (_, index) => around.replace('x', String.fromCharCode(first + index)));
    const patterns = (around: string) =>
      Array.from({ length: 20 }, (_, index) => `^${characters(0x4e00 + 1_000 * index, around).join('')}$`);
    const ofClasses = withFields(patterns('[x]'));
    expect(outcomeOf(ofClasses, { f0: '?' })).toBe('refused');
    expect(outcomeOf(ofClasses, { f19: '?' })).toBe('passed');
    expect(outcomeOf(withFields(patterns('x')), { f19: '?' })).toBe('refused');
  });

  it('has a pattern once, however many fields have it', () => {
    const schema = withFields(new Array<string>(600).fill('^[a-z]{250}$'));
    expect(outcomeOf(schema, { f599: '?' })).toBe('refused');
  });
});
