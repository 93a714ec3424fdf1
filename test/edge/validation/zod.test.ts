import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { InputSchema } from '../../../edge/validation/input-schema.ts';
import { StepBudget } from '../../../edge/validation/step-budget.ts';
import { inputCheckOf } from '../../../worker-node/operations/input-check/input-check.ts';
import { generated } from './generated-zod.ts';

function check(schema: z.ZodType, input: unknown) {
  // Both the announcement and the input come as JSON.
  const announced = JSON.parse(JSON.stringify(inputCheckOf(schema).schema));
  return new InputSchema(announced).check(input, new StepBudget(1e9));
}

describe('the edge', () => {
  it('refuses no input that the zod schema of the operation accepts', () => {
    const counts = new Map<string, number>();
    fc.assert(
      fc.property(
        generated.chain(({ schema, input }) =>
          fc.tuple(fc.constant(schema), fc.oneof({ weight: 4, arbitrary: input }, { weight: 1, arbitrary: fc.jsonValue() })),
        ),
        ([schema, made]) => {
          const input = JSON.parse(JSON.stringify(made) ?? 'null');
          const verdict = check(schema, input);
          let accepted: boolean | undefined;
          try { accepted = schema.safeParse(structuredClone(input)).success; } catch { accepted = undefined; }
          const key = `${accepted} ${verdict.outcome}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
          if (accepted) expect([verdict, JSON.stringify(inputCheckOf(schema).schema), JSON.stringify(input)]).toMatchObject([{ outcome: 'passed' }, {}, {}]);
          expect(verdict.outcome).not.toBe('failed');
        },
      ),
      { numRuns: Number(process.env.RUNS ?? 2_000) },
    );
    console.log(counts);
  });
});
