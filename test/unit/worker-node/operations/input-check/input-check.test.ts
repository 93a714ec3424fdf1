import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import * as mini from 'zod/mini';
import { inputCheckOf } from '../../../../../worker-node/operations/input-check/input-check.ts';

// That a check refuses nothing which its schema accepts is shown in test/edge/validation/zod.test.ts.

describe('the input check of a zod schema', () => {
  it.each<[string, z.ZodType, unknown]>([
    ['any value', z.unknown(), true],
    ['no value', z.never(), false],
    ['a text with limits', z.string().min(2).min(1).max(5), { type: 'string', minLength: 2, maxLength: 5 }],
    ['an integer', z.int().min(1), { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER }],
    [
      'a number',
      z.number().gt(1).lt(9).multipleOf(2),
      { type: 'number', exclusiveMinimum: 1, exclusiveMaximum: 9, multipleOf: 2 },
    ],
    [
      'two patterns',
      z.string().regex(/a/).regex(/b/),
      { type: 'string', pattern: 'a', allOf: [{ pattern: 'b' }] },
    ],
    ['a pattern without regard to case', z.string().regex(/^a/i), { type: 'string', pattern: '^[aA]' }],
    [
      'a pattern with a negative lookahead',
      z.string().regex(/^(?!a)b/),
      { type: 'string', pattern: '^b', not: { anyOf: [{ pattern: '^(?:a)' }] } },
    ],
    ['a part of a text', z.string().includes('a.b'), { type: 'string', pattern: 'a\\.b' }],
    ['a value', z.literal('a'), { const: 'a' }],
    ['values, as far as JSON has them', z.literal(['a', 1, null, undefined]), { enum: ['a', 1, null] }],
    ['values that JSON does not have', z.literal([1n]), false],
    ['a list', z.array(z.string()).min(1), { type: 'array', items: { type: 'string' }, minItems: 1 }],
    ['a list of anything', z.array(z.any()), { type: 'array' }],
    [
      'an object',
      z.object({ a: z.string(), b: z.number().optional(), c: z.unknown().optional() }),
      { type: 'object', properties: { a: { type: 'string' }, b: { type: 'number' } }, required: ['a'] },
    ],
    [
      'a closed object',
      z.strictObject({ a: z.any().optional() }),
      { type: 'object', properties: { a: true }, additionalProperties: false },
    ],
    [
      'an object with others',
      z.object({}).catchall(z.number()),
      { type: 'object', properties: {}, additionalProperties: { type: 'number' } },
    ],
    ['one of several', z.union([z.string(), z.null()]), { anyOf: [{ type: 'string' }, { type: 'null' }] }],
    [
      'a lazy schema',
      z.object({ a: z.lazy(() => z.object({ b: z.lazy(() => z.string()) })) }),
      {
        type: 'object',
        properties: { a: { type: 'object', properties: { b: { type: 'string' } }, required: ['b'] } },
        required: ['a'],
      },
    ],
    [
      'one of a single one',
      z.union([z.object({ a: z.null() })]),
      { type: 'object', properties: { a: { type: 'null' } }, required: ['a'] },
    ],
    ['one of several, any among them', z.union([z.string(), z.any()]), true],
    [
      'a tuple',
      z.tuple([z.string(), z.number().optional()]),
      { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], minItems: 1, maxItems: 2 },
    ],
    [
      'a tuple with anything before what must be there',
      z.tuple([z.any(), z.string()]),
      { type: 'array', prefixItems: [true, { type: 'string' }], minItems: 2, maxItems: 2 },
    ],
    [
      'a record',
      z.record(z.string().max(3), z.null()),
      { type: 'object', propertyNames: { maxLength: 3 }, additionalProperties: { type: 'null' } },
    ],
  ])('is whole for %s', (_what, schema, check) => {
    expect(inputCheckOf(schema)).toEqual({ schema: check, isWhole: true });
  });

  it.each<[string, z.ZodType, unknown]>([
    [
      'a function of the author',
      z
        .string()
        .refine(() => true)
        .max(3),
      { type: 'string', maxLength: 3 },
    ],
    [
      'a function that may change the value',
      z
        .string()
        .min(1)
        .check(() => undefined)
        .max(3),
      { type: 'string', minLength: 1 },
    ],
    ['a change of the value', z.string().trim().max(3), { type: 'string' }],
    ['a pattern with a flag', z.string().regex(/a/s).min(1), { type: 'string', minLength: 1 }],
    ['a pattern with a lookahead', z.string().regex(/(?=a)b/), { type: 'string', pattern: '(?=a)b' }],
    ['a format that a function checks', z.jwt(), { type: 'string' }],
    ['a conversion', z.object({ a: z.coerce.number() }), { type: 'object', properties: {} }],
    ['a transformation', z.string().transform(Number), { type: 'string' }],
    ['a value that is made first', z.preprocess(Number, z.number()), true],
    ['a way out', z.string().catch(''), true],
    [
      'an intersection',
      z.intersection(z.strictObject({ a: z.null() }), z.object({})),
      {
        allOf: [
          { type: 'object', properties: { a: { type: 'null' } }, required: ['a'] },
          { type: 'object', properties: {} },
        ],
      },
    ],
    ['a type that JSON does not have', z.map(z.string(), z.string()), true],
    ['a refinement of an object', z.object({}).refine(() => true), { type: 'object', properties: {} }],
    // Some versions of zod want these to be there, others do not.
    ['a field of any value', z.object({ a: z.any() }), { type: 'object', properties: {} }],
    [
      'a field that can have no value',
      z.object({ a: z.never() }),
      { type: 'object', properties: { a: false } },
    ],
    ['a default, which JSON cannot leave out', z.date().default(new Date(0)), true],
  ])('is not whole with %s', (_what, schema, check) => {
    expect(inputCheckOf(schema)).toEqual({ schema: check, isWhole: false });
  });

  it('names a schema that is used again, and one that refers to itself', () => {
    const Point = z.object({ x: z.number() });
    const Node = z.object({
      from: Point,
      to: Point,
      get children() {
        return z.array(Node);
      },
    });
    const point = { type: 'object', properties: { x: { type: 'number' } }, required: ['x'] };
    const node = {
      type: 'object',
      properties: {
        from: { $ref: '#/$defs/s2' },
        to: { $ref: '#/$defs/s2' },
        children: { type: 'array', items: { $ref: '#/$defs/s1' } },
      },
      required: ['from', 'to', 'children'],
    };
    expect(inputCheckOf(Node)).toEqual({
      schema: { $ref: '#/$defs/s1', $defs: { s1: node, s2: point } },
      isWhole: true,
    });
  });

  it('reads zod/mini too', () => {
    const schema = mini.object({ a: mini.string().check(mini.minLength(2), mini.trim(), mini.maxLength(3)) });
    expect(inputCheckOf(schema)).toEqual({
      schema: { type: 'object', properties: { a: { type: 'string', minLength: 2 } }, required: ['a'] },
      isWhole: false,
    });
  });

  it('lets everything through if a schema cannot be read', () => {
    const nothing = { schema: true, isWhole: false };
    const endless = (): z.ZodType =>
      z.lazy(() => z.object({ a: endless().optional(), b: endless().optional() }));
    const late = z.object({
      get a(): z.ZodType {
        throw new Error('not there yet');
      },
    });
    expect(inputCheckOf(late)).toEqual(nothing);
    expect(inputCheckOf(endless()).isWhole).toBe(false);
    const large = Array.from({ length: 10_000 }, (_, index) => `value number ${index}`);
    expect(inputCheckOf(z.enum(large))).toEqual(nothing);
    expect(
      inputCheckOf({ '~standard': { version: 1, vendor: 'valibot', validate: () => ({ value: 1 }) } }),
    ).toEqual(nothing);
    expect(
      inputCheckOf({ '~standard': { version: 1, vendor: 'zod', validate: () => ({ value: 1 }) } }),
    ).toEqual(nothing);
  });
});
