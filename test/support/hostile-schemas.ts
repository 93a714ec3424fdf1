/** Schemas and inputs that hold up a validator which tries every way: each may grow without end. */
import * as z from 'zod';
import { inputCheckOf } from '../../worker-node/operations/input-check/input-check.ts';

export interface HostileFamily {
  readonly name: string;
  /** JSON Schema, as an announcement holds it. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** An input whose size as JSON grows with `size`; at 1 it has about 200 bytes. */
  readonly input: (size: number) => unknown;
}

function many(count: number, make: (index: number) => unknown): unknown[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function nested(depth: number, wrap: (inner: unknown) => unknown, core: unknown): unknown {
  return many(depth, () => undefined).reduce((inner) => wrap(inner), core);
}

const BRANCHES = ['a', 'b', 'c', 'd', 'e'];
const Tree: z.ZodType = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('leaf') }),
    ...BRANCHES.map((kind) => z.object({ kind: z.literal(kind), left: Tree, right: Tree.optional() })),
  ]),
);
const Chain: z.ZodType = z.lazy(() =>
  z.union([
    z.null(),
    z.object({ next: Chain, a: z.number() }),
    z.object({ next: Chain, b: z.number() }),
    z.object({ next: Chain }),
  ]),
);

/** References that double with each level. */
const doubling = {
  $defs: Object.fromEntries(
    many(30, (level) => [
      `d${level}`,
      { anyOf: many(2, () => ({ $ref: `#/$defs/d${Number(level) + 1}` })) },
    ]) as [string, unknown][],
  ),
};

const asJsonSchema = (schema: z.ZodType) => inputCheckOf(schema).schema as Record<string, unknown>;

export const HOSTILE_FAMILIES: readonly HostileFamily[] = [
  {
    name: 'a recursive discriminated union, 20 deep, right up to its core',
    schema: asJsonSchema(z.array(Tree)),
    input: (size) => many(size, () => nested(20, (left) => ({ kind: 'e', left }), { kind: 'leaf' })),
  },
  {
    name: 'a recursive discriminated union, 20 deep, wrong at its core',
    schema: asJsonSchema(z.array(z.union([Tree, z.object({ kind: z.string() })]))),
    input: (size) => many(size, () => nested(20, (left) => ({ kind: 'e', left }), { kind: 'x' })),
  },
  {
    name: 'the same as oneOf, as JSON Schema has it',
    schema: {
      items: { anyOf: [{ $ref: '#/$defs/tree' }, true] },
      $defs: {
        tree: {
          oneOf: many(6, (index) => ({
            properties: {
              kind: { const: BRANCHES[Number(index)] ?? 'leaf' },
              left: { $ref: '#/$defs/tree' },
            },
            required: ['kind'],
          })),
        },
      },
    },
    input: (size) => many(size, () => nested(20, (left) => ({ kind: 'e', left }), { kind: 'x' })),
  },
  {
    name: 'a recursive union without tags, 20 deep, wrong at its core',
    schema: asJsonSchema(z.array(z.union([Chain, z.looseObject({})]))),
    input: (size) => many(size, () => nested(20, (next) => ({ next }), 7)),
  },
  {
    name: 'uniqueItems over objects',
    schema: { uniqueItems: true },
    input: (size) => many(size * 8, (index) => ({ id: index, tags: ['x', index] })),
  },
  {
    name: 'uniqueItems at each level of a recursive schema',
    schema: { uniqueItems: true, items: { $ref: '#' } },
    input: (size) => many(size, (index) => nested(40, (inner) => [inner], [index])),
  },
  {
    name: 'a union of 50 over many empty objects',
    schema: { items: { anyOf: [...many(50, (index) => ({ required: [`k${index}`] })), true] } },
    input: (size) => many(size * 60, () => ({})),
  },
  {
    name: 'a union of 50 references over many empty objects',
    schema: {
      items: { anyOf: [...many(50, () => ({ $ref: '#/$defs/a' })), true] },
      $defs: { a: { properties: { b: true }, required: ['c'] } },
    },
    input: (size) => many(size * 60, () => ({})),
  },
  ...[
    '^(a+)+$',
    '^(a|a)*$',
    '(?:a*)*b',
    '^(?:a?){50}b{50}$',
    'a.*b.*c.*d',
    '(x+x+)+y',
    '^(?:(?:a{1,30}){1,30})$',
  ].map((pattern) => ({
    name: `the pattern ${pattern}`,
    schema: { anyOf: [{ pattern }, true] },
    input: (size: number) => `${'a'.repeat(size * 200)}!`,
  })),
  {
    name: 'a pattern for the names of fields',
    schema: {
      patternProperties: { '(x+x+)+y': { type: 'number' } },
      propertyNames: { maxLength: 1e6, pattern: '^(x|x)*' },
    },
    input: (size) => ({
      ['x'.repeat(size * 100)]: 1,
      ...Object.fromEntries(many(size, (index) => [`x${index}`, 1]) as [string, unknown][]),
    }),
  },
  {
    name: 'a circle of references',
    schema: {
      $ref: '#/$defs/a',
      $defs: {
        a: { anyOf: [{ $ref: '#/$defs/b' }, { $ref: '#/$defs/b' }, { $ref: '#' }] },
        b: { anyOf: [{ $ref: '#/$defs/a' }, { items: { $ref: '#/$defs/a' } }] },
      },
    },
    input: (size) => many(size * 20, () => [1]),
  },
  {
    name: 'references that double with each level',
    schema: {
      items: { anyOf: [{ $ref: '#/$defs/d0' }, true] },
      $defs: { ...doubling.$defs, d30: { type: 'null' } },
    },
    input: (size) => many(size * 40, (index) => index),
  },
  {
    name: 'oneOf over forms that all fit',
    schema: { items: { anyOf: [{ oneOf: many(50, () => ({ minimum: 0 })) }, true] } },
    input: (size) => many(size * 60, (index) => index),
  },
  {
    name: 'not within not',
    schema: { items: nested(40, (inner) => ({ not: inner }), { type: 'number' }) as object },
    input: (size) => many(size * 60, (index) => index),
  },
  {
    name: 'values that are nested deeply',
    schema: {
      $ref: '#/$defs/a',
      $defs: { a: { items: { $ref: '#/$defs/a' }, additionalProperties: { $ref: '#/$defs/a' } } },
    },
    input: (size) => many(size, () => nested(50, (inner) => [inner], {})),
  },
  {
    name: 'schemas and values that are nested deeply',
    schema: {
      $ref: '#/$defs/a',
      $defs: {
        a: nested(50, (inner) => ({ anyOf: [inner, { type: 'null' }] }), {
          items: { $ref: '#/$defs/a' },
        }) as object,
      },
    },
    input: (size) => many(size, () => nested(50, (inner) => [inner], 1)),
  },
  {
    name: 'fields that other schemas depend on',
    schema: { items: { dependentSchemas: { a: { required: ['b'] }, b: { required: ['a'] } } } },
    input: (size) => many(size * 20, () => ({ a: 1, b: 1 })),
  },
  {
    name: 'a list in which everything is wrong',
    schema: { items: { anyOf: [{ type: 'string' }, { type: 'number', maximum: 3 }] } },
    input: (size) => many(size * 50, (index) => Number(index) + 4),
  },
  {
    name: 'an object in which everything is wrong',
    schema: { additionalProperties: false },
    input: (size) =>
      Object.fromEntries(many(size * 20, (index) => [`k${index}`, index]) as [string, unknown][]),
  },
  {
    name: 'an enum of objects',
    schema: { items: { enum: [...many(50, (index) => ({ a: { b: index } })), { a: 1 }] } },
    input: (size) => many(size * 20, () => ({ a: 1 })),
  },
  {
    name: 'a thousand fields that may be there, over empty objects',
    schema: {
      items: {
        properties: Object.fromEntries(
          many(1_000, (index) => [`k${index}`, { type: 'null' }]) as [string, unknown][],
        ),
      },
    },
    input: (size) => many(size * 60, () => ({})),
  },
];
