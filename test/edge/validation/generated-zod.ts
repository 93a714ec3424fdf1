/** zod schemas made at random, each with inputs that often fit it. */
import fc from 'fast-check';
import * as z from 'zod';

/** A schema, and inputs that it accepts or nearly accepts. */
export interface Generated {
  readonly schema: z.ZodType;
  readonly input: fc.Arbitrary<unknown>;
}

const KEYS = ['a', 'b', 'kind', 'a/b', 'toString', '__proto__', '1'] as const;
const LETTERS = fc.string({
  unit: fc.constantFrom('a', 'B', ' ', '1', '-', '.', '@', ':', 'é', '😀', '\n'),
  maxLength: 8,
});

const PATTERNS = [
  /^[a-z]+$/,
  /^[a-z]+$/i,
  /^[^a-b1]*$/i,
  /^(?<b>a|b)[-.a]?$/i,
  /^\w\W$/i,
  /^[!-a]+$/i,
  /^(?!ab)[\s\S]/i,
  /^\x61$/i,
  /^é/i,
  /^[\w-.]+$/,
  /a+b?/,
  /^.{1,3}$/,
  /^.$/s,
  /^a$/m,
  /^\p{L}+$/u,
  /(?=a)[ab]/,
  /^(?!a)(?!B.*$)[\s\S]*$/,
  /^(?!a|B)/,
  /^(?!a)*b/,
  /^(?!a)b|c/,
  /^(?!(a)\1)./,
  /^(a|1)*$/g,
  /\bB/,
  /a/y,
];

const text: fc.Arbitrary<Generated> = fc
  .tuple(
    fc.constantFrom<z.ZodString>(z.string(), z.coerce.string() as z.ZodString),
    fc.array(
      fc.oneof(
        fc.nat(4).map((n) => (schema: z.ZodString) => schema.min(n)),
        fc.nat(6).map((n) => (schema: z.ZodString) => schema.max(n)),
        fc.nat(4).map((n) => (schema: z.ZodString) => schema.length(n)),
        fc.constantFrom(...PATTERNS).map((pattern) => (schema: z.ZodString) => schema.regex(pattern)),
        fc.constantFrom<(schema: z.ZodString) => z.ZodString>(
          (schema) => schema.trim(),
          (schema) => schema.toLowerCase(),
          (schema) => schema.toUpperCase(),
          (schema) => schema.normalize(),
          (schema) => schema.lowercase(),
          (schema) => schema.uppercase(),
          (schema) => schema.startsWith('a'),
          (schema) => schema.endsWith('.'),
          (schema) => schema.includes('-'),
          (schema) => schema.includes('a', { position: 2 }),
          (schema) => schema.refine((value) => value.length % 2 === 0),
          (schema) => schema.overwrite((value) => value.replaceAll(' ', '')),
          (schema) =>
            schema.check((context) => {
              context.value = `${context.value}a`;
            }),
        ),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([start, steps]) => ({ schema: steps.reduce((schema, step) => step(schema), start), input: LETTERS }));

const SAMPLES: readonly (readonly [z.ZodType, readonly unknown[]])[] = [
  [z.email(), ['a@b.co', 'a@b', '@', 'a.b@c.de']],
  [z.url(), ['http://a', ' https://a/b ', 'ht\ntp://a', 'a', 'mailto:a', '/a', 'a:']],
  [z.url({ protocol: /^https?$/ }).max(12), ['HTTP://a.b', '  http://a.bcd  ', 'ftp://a', 'http:a']],
  [z.uuid(), ['123e4567-e89b-12d3-a456-426614174000', '00000000-0000-0000-0000-000000000000', 'x']],
  [
    z.iso.datetime(),
    ['2026-01-02T03:04:05Z', '2026-02-30T03:04:05Z', '2026-01-02T03:04:05.123Z', '2026-01-02'],
  ],
  [z.iso.datetime({ offset: true, local: true }), ['2026-01-02T03:04:05+01:00', '2026-01-02T03:04']],
  [z.iso.date(), ['2024-02-29', '2023-02-29', '2023-2-1']],
  [z.iso.time(), ['03:04:05', '3:04', '24:00:00']],
  [z.iso.duration(), ['P1D', 'PT2H', 'P', 'P1W2D']],
  [z.ipv4(), ['1.2.3.4', '256.1.1.1', '1.2.3']],
  [z.ipv6(), ['::1', '1::2::3', 'fe80::1']],
  [z.cidrv4(), ['10.0.0.0/8', '10.0.0.0/33']],
  [z.base64(), ['YQ==', 'YQ=', '']],
  [z.base64url(), ['YQ', 'Y+']],
  [z.jwt(), ['a.b.c', 'eyJhbGciOiJIUzI1NiJ9.e30.x']],
  [z.nanoid(), ['V1StGXR8_Z5jdHi6B-myT', 'x']],
  [z.ulid(), ['01ARZ3NDEKTSV4RRFFQ69G5FAV', 'x']],
  [z.e164(), ['+4915112345678', '0151']],
  [z.emoji(), ['😀', 'a']],
  [z.hostname(), ['a.example', '-a', 'a..b']],
  [z.stringbool(), ['true', 'YES', 'x', true]],
  [z.templateLiteral(['a', z.number(), z.enum(['x', 'y'])]), ['a1x', 'a1.5y', 'ax', 1]],
  [z.date(), ['2026-01-02', 1]],
  [z.coerce.date(), ['2026-01-02', 1, null, 'x']],
  [z.bigint(), [1, '1']],
  [z.coerce.bigint(), [1, '1', 1.5]],
  [z.coerce.boolean(), [0, 'x', null]],
  [z.undefined(), [null]],
  [z.nan(), [1]],
  [z.never(), [1]],
  [z.null(), [null, 0]],
  [z.boolean(), [true, false, 'true', 0]],
  [z.any(), [1, {}]],
  [z.unknown(), [null]],
  [z.literal(['a', 1, true, null]), ['a', 1, true, null, 'b', 2, false]],
  [z.literal([undefined, 'a']), ['a', null]],
  [z.enum(['a', 'b']), ['a', 'c']],
  [z.enum({ A: 0, B: 'b' }), [0, 'b', 'A']],
  [z.preprocess(Number, z.number().max(5)), ['5', 7, 'x', null]],
  [z.string().transform(Number).pipe(z.number().max(5)), ['5', 5, 'x']],
  [z.codec(z.string(), z.number(), { decode: Number, encode: String }), ['1', 1, 'x']],
  [z.custom((value) => value !== 1), [1, 2]],
  [z.json(), [1, { a: [1] }]],
  [z.lazy(() => z.string().min(2)), ['a', 'ab']],
  [z.success(z.string()), [1]],
  [z.number().multipleOf(0.1), [0.3, 0.35, 1e21, 5]],
  [z.number().multipleOf(7), [14, 15, 2 ** 53, 2 ** 53 + 2]],
];

const sample: fc.Arbitrary<Generated> = fc
  .constantFrom(...SAMPLES)
  .map(([schema, inputs]) => ({ schema, input: fc.constantFrom(...inputs) }));

const NUMBERS = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.double(),
  fc.constantFrom(2 ** 53, 2 ** 31, -1, 0.5, '5'),
);
const number: fc.Arbitrary<Generated> = fc
  .tuple(
    fc.constantFrom<z.ZodNumber>(
      z.number(),
      z.int(),
      z.int32(),
      z.uint32(),
      z.float32(),
      z.coerce.number() as z.ZodNumber,
    ),
    fc.array(
      fc.oneof(
        fc.integer({ min: -3, max: 3 }).map((n) => (schema: z.ZodNumber) => schema.min(n)),
        fc.integer({ min: -3, max: 3 }).map((n) => (schema: z.ZodNumber) => schema.max(n)),
        fc.integer({ min: -3, max: 3 }).map((n) => (schema: z.ZodNumber) => schema.gt(n)),
        fc.integer({ min: -3, max: 3 }).map((n) => (schema: z.ZodNumber) => schema.lt(n)),
        fc.constantFrom<(schema: z.ZodNumber) => z.ZodNumber>(
          (schema) => schema.int(),
          (schema) => schema.multipleOf(2),
          (schema) => schema.refine((value) => value !== 3),
          (schema) => schema.overwrite((value) => value + 1),
          (schema) => schema.positive(),
        ),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([start, steps]) => ({ schema: steps.reduce((schema, step) => step(schema), start), input: NUMBERS }));

const INSIDE = { depthIdentifier: 'zod', maxLength: 3 } as const;

/** Any of the schemas, with others inside. */
export const generated: fc.Arbitrary<Generated> = fc.letrec<{ any: Generated; object: Generated }>((tie) => {
  const fields = fc.uniqueArray(fc.tuple(fc.constantFrom(...KEYS), tie('any')), {
    ...INSIDE,
    selector: ([key]) => key,
  });
  const object = fields.chain((entries) => {
    const shape = Object.fromEntries(entries.map(([key, { schema }]) => [key, schema]));
    const input = fc.record(Object.fromEntries(entries.map(([key, { input: inner }]) => [key, inner])), {
      requiredKeys: [],
    });
    const more = fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      {
        weight: 1,
        arbitrary: fc.dictionary(fc.constantFrom(...KEYS, 'other'), fc.jsonValue({ maxDepth: 1 })),
      },
    );
    return tie('any')
      .chain(({ schema: catchall }) =>
        fc.constantFrom<z.ZodType>(
          z.object(shape),
          z.object(shape),
          z.strictObject(shape),
          z.looseObject(shape),
          z.object(shape).partial(),
          z.object(shape).catchall(catchall),
          z.object(shape).refine(() => true),
        ),
      )
      .map((schema) => ({
        schema,
        input: fc.tuple(input, more).map(([own, others]) => ({ ...own, ...others })),
      }));
  });
  return {
    object,
    any: fc.oneof(
      { depthIdentifier: 'zod', maxDepth: 4, depthSize: 'small' },
      sample,
      text,
      number,
      object,
      tie('any').chain((inner) => fc.constantFrom(...wrapped(inner))),
      fc
        .array(tie('any'), { ...INSIDE, minLength: 1 })
        .chain((options) => fc.constantFrom(...joined(options))),
      fc.tuple(tie('any'), tie('any')).map(([a, b]) => ({
        schema: z.intersection(a.schema, b.schema),
        input: fc.oneof(
          a.input,
          b.input,
          fc.tuple(a.input, b.input).map(([x, y]) => (isObject(x) && isObject(y) ? { ...x, ...y } : x)),
        ),
      })),
      fc.tuple(tie('object'), tie('object')).map(([a, b]) => ({
        schema: z.intersection(a.schema, b.schema),
        input: fc.tuple(a.input, b.input).map(([x, y]) => ({ ...Object(x), ...Object(y) })),
      })),
    ),
  };
}).any;

function wrapped({ schema, input }: Generated): Generated[] {
  const list = fc.array(input, { maxLength: 4 });
  const record = fc.dictionary(fc.constantFrom('a', 'ab', 'A', '1', '__PROTO__', '__proto__'), input, {
    maxKeys: 3,
  });
  return [
    { schema: schema.optional(), input },
    { schema: schema.nullable(), input: fc.option(input) },
    { schema: schema.readonly(), input },
    { schema: schema.catch(null), input },
    { schema: schema.default(null), input },
    { schema: schema.prefault(null), input },
    { schema: z.nonoptional(schema.optional()), input },
    { schema: z.lazy(() => schema), input },
    { schema: schema.refine((value) => value !== 3), input },
    { schema: schema.transform(() => 1), input },
    { schema: schema.pipe(z.any()), input },
    { schema: schema.pipe(z.union([z.looseObject({}), z.string()])), input },
    {
      schema: z.strictObject({ a: schema }).pipe(z.union([z.object({}), z.null()]) as never),
      input: fc.record({ a: input, b: input }),
    },
    {
      schema: z.array(z.strictObject({ a: schema })).pipe(z.union([z.array(z.any()), z.null()]) as never),
      input: fc.array(fc.record({ a: input, b: input }, { requiredKeys: ['a'] }), { maxLength: 2 }),
    },
    {
      schema: z.strictObject({ a: schema }).transform(() => 1),
      input: fc.record({ a: input, b: input }, { requiredKeys: ['a'] }),
    },
    { schema: z.preprocess((value) => value ?? 1, schema), input },
    { schema: z.array(schema), input: list },
    { schema: z.array(schema).min(1).max(2), input: list },
    {
      schema: z
        .array(schema)
        .overwrite((items) => items.slice(0, 1))
        .max(1),
      input: list,
    },
    {
      schema: z
        .array(schema)
        .refine((items) => items.length < 3)
        .length(2),
      input: list,
    },
    { schema: z.record(z.string(), schema), input: record },
    { schema: z.record(z.string().regex(/^[a-z]+$/), schema), input: record },
    { schema: z.record(z.string().toLowerCase(), schema), input: record },
    { schema: z.record(z.number(), schema), input: record },
    { schema: z.record(z.enum(['a', 'ab']), schema), input: record },
    { schema: z.partialRecord(z.enum(['a', 'ab']), schema), input: record },
    { schema: z.record(z.literal(['a', 1]), schema), input: record },
    { schema: z.looseRecord(z.string().regex(/^a/), schema), input: record },
    {
      schema: z.object({ a: schema, toString: schema.optional() }),
      input: fc.record({ a: input }, { requiredKeys: [] }),
    },
  ];
}

function joined(options: readonly Generated[]): Generated[] {
  const schemas = options.map(({ schema }) => schema);
  const tuple = fc
    .tuple(...options.map(({ input }) => input))
    .chain((items) => fc.nat(items.length + 1).map((length) => [...items, 1].slice(0, length)));
  const tagged = options.map((option, index) =>
    z.object({ kind: z.literal(`k${index}`), value: option.schema }),
  );
  const one = fc
    .nat(options.length - 1)
    .chain((index) =>
      (options[index]?.input ?? fc.constant(null)).map((value) => ({ kind: `k${index}`, value })),
    );
  return [
    { schema: z.union(schemas), input: fc.oneof(...options.map(({ input }) => input)) },
    { schema: z.xor(schemas), input: fc.oneof(...options.map(({ input }) => input)) },
    { schema: z.tuple(schemas as [z.ZodType]), input: tuple },
    { schema: z.tuple(schemas as [z.ZodType], z.number()), input: tuple },
    { schema: z.discriminatedUnion('kind', tagged as never), input: one },
  ];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
