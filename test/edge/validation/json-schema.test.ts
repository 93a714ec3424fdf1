import { type Schema, Validator } from '@cfworker/json-schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSchema } from '../../../edge/validation/compile.ts';
import { Run } from '../../../edge/validation/run.ts';
import { StepBudget } from '../../../edge/validation/step-budget.ts';
import { NO, YES } from '../../../edge/validation/verdict.ts';

const KEYS = ['a', 'b', 'ab'];
const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { depthIdentifier: 'value', maxDepth: 4 },
    fc.constantFrom<unknown>(null, true, false, 0, 1, 1.5, 4, -1, 1e300, '', 'a', 'ab', 'abc', 'é'),
    fc.array(tie('any'), { maxLength: 3, depthIdentifier: 'value' }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('any'), { maxKeys: 3, depthIdentifier: 'value' }),
  ),
})).any;

const count = fc.nat(3);
const type = fc.constantFrom('null', 'boolean', 'number', 'integer', 'string', 'array', 'object');

/** JSON Schema of all keywords that are known, with a few that are not. */
const schema = fc.letrec<{ any: unknown; inside: unknown; list: unknown[] }>((tie) => ({
  any: fc.oneof(
    { depthIdentifier: 'schema', maxDepth: 4 },
    fc.boolean(),
    fc
      .record(
        {
          type: fc.oneof(type, fc.uniqueArray(type, { minLength: 1, maxLength: 3 })),
          const: value,
          enum: fc.array(value, { minLength: 1, maxLength: 3 }),
          minimum: count,
          maximum: count,
          exclusiveMinimum: count,
          exclusiveMaximum: count,
          multipleOf: fc.constantFrom(1, 2, 0.5),
          minLength: count,
          maxLength: count,
          pattern: fc.constantFrom('^a', 'b$', '^(a|ab)*$', '(?!b)', '^.$', '^[^a]+$'),
        },
        { requiredKeys: [] },
      )
      .map(two),
    fc
      .record(
        {
          required: fc.uniqueArray(fc.constantFrom(...KEYS), { maxLength: 2 }),
          minProperties: count,
          maxProperties: count,
          minItems: count,
          maxItems: count,
          uniqueItems: fc.boolean(),
          properties: fc.dictionary(fc.constantFrom(...KEYS), tie('inside'), { maxKeys: 2 }),
          patternProperties: fc.dictionary(fc.constantFrom('^a', 'b'), tie('inside'), { maxKeys: 2 }),
          additionalProperties: tie('inside'),
          propertyNames: tie('any'),
          prefixItems: fc.array(tie('inside'), { minLength: 1, maxLength: 2 }),
          items: tie('inside'),
        },
        { requiredKeys: [], depthIdentifier: 'schema' } as never,
      )
      .map(two),
    fc
      .record(
        {
          allOf: tie('list'),
          anyOf: tie('list'),
          oneOf: tie('list'),
          not: tie('any'),
          // Not known here, so whatever they say is left to the worker.
          contains: tie('any'),
          dependentRequired: fc.constant({ a: ['b'] }),
        },
        { requiredKeys: [], depthIdentifier: 'schema' } as never,
      )
      .map(two),
  ),
  // A reference to the value itself may be a circle, which is no valid schema.
  inside: fc.oneof({ depthIdentifier: 'schema' }, tie('any'), fc.constant({ $ref: '#/$defs/shared' })),
  list: fc.array(tie('any'), { minLength: 1, maxLength: 3, depthIdentifier: 'schema' }),
}));

/** Two keywords at most: with more, hardly any value fits. */
function two(keywords: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(keywords).slice(0, 2));
}

describe('a verdict', () => {
  it('that is certain is the verdict of a whole validator', () => {
    const verdicts: number[] = [];
    fc.assert(
      fc.property(fc.tuple(schema.any, schema.any, value), ([made, shared, input]) => {
        const whole = typeof made === 'object' ? { ...made, $defs: { shared } } : made;
        const verdict = compileSchema(whole).judge(input, new Run(new StepBudget(1e9)));
        const { valid } = new Validator(whole as Schema, '2020-12').validate(input);
        verdicts.push(verdict);
        if (verdict === NO) expect(valid).toBe(false);
        if (verdict === YES) expect(valid).toBe(true);
      }),
      { numRuns: 4_000 },
    );
    const share = (verdict: number) => verdicts.filter((one) => one === verdict).length / verdicts.length;
    expect(Math.min(share(NO), share(YES))).toBeGreaterThan(0.2);
  });
});
