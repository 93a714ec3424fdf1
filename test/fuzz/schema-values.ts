import fc from 'fast-check';

export type Json = Readonly<Record<string, unknown>>;

/** Deep enough for every schema; it ends a schema that refers to itself. */
const MAX_DEPTH = 6;

/**
 * Values that fit a JSON Schema, as far as the API's document uses the language.
 * @param components what `#/components/schemas/…` points at
 */
export function valuesOf(schema: Json, components: Json, depth = 0): fc.Arbitrary<unknown> {
  if (depth > MAX_DEPTH) return fc.constant(null);
  const inner = (part: unknown): fc.Arbitrary<unknown> => valuesOf(part as Json, components, depth + 1);
  if (typeof schema.$ref === 'string') return inner(components[schema.$ref.split('/').at(-1) ?? '']);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  if ('const' in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.anyOf)) {
    return fc.oneof(...schema.anyOf.map((part: Json) => inner({ type: schema.type, ...part })));
  }
  switch (schema.type) {
    case 'string':
      return texts(schema);
    case 'integer':
    case 'number':
      return numbers(Number(schema.minimum ?? -10), Number(schema.maximum ?? 1_000));
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(inner(schema.items ?? {}), { minLength: Number(schema.minItems ?? 0), maxLength: 4 });
    case 'object':
      return objects(schema, inner);
    default:
      return fc.jsonValue();
  }
}

/** Gives mostly the smallest number, because large ones exceed an operation's limits. */
function numbers(min: number, max: number): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(min) },
    { weight: 1, arbitrary: fc.integer({ min, max }) },
  );
}

function texts({ pattern, format, maxLength = 64, examples }: Json): fc.Arbitrary<unknown> {
  const examplesGiven = Array.isArray(examples) ? [fc.constantFrom(...examples)] : [];
  if (format === 'date-time') {
    const date = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-01-01') });
    return date.map((value) => value.toISOString());
  }
  if (typeof pattern === 'string') {
    return fc.oneof(
      ...examplesGiven,
      fc.stringMatching(new RegExp(pattern), { maxLength: Number(maxLength) }),
    );
  }
  return fc.oneof(...examplesGiven, fc.string({ maxLength: Number(maxLength) }));
}

function objects(
  { properties = {}, required = [] }: Json,
  inner: (schema: unknown) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties as Json).map(([name, schema]) => [name, inner(schema)] as const);
  return fc.record(Object.fromEntries(fields), {
    requiredKeys: (required as string[]).filter((name) => Object.hasOwn(properties as Json, name)),
  });
}
