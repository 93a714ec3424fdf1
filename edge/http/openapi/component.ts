import * as z from 'zod';
import type { Json } from './route-description.ts';

/** What the document says of a schema beyond what zod knows of it. */
export interface Words {
  readonly description: string;
  /** Of an object: each of its fields, as a sentence, or as JSON Schema to lay over it. */
  readonly fields?: Readonly<Record<string, string | Json>>;
  /** JSON Schema of what a refinement checks, which zod cannot tell. */
  readonly more?: Json;
}

const registry = z.registry<{ id: string }>();
const words = new Map<string, Words>();

/** Puts a schema among the components, with what is said of it. */
export function component(id: string, schema: z.ZodType, said: Words): void {
  registry.add(schema, { id });
  words.set(id, said);
}

/** Where the component of a name stands in the document. */
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/**
 * Where a schema stands in the document.
 * @throws Error when it is not among the components
 */
export function refOf(schema: z.ZodType): Json {
  const id = registry.get(schema)?.id;
  if (id === undefined) throw new Error('a schema that routes use is not among the components');
  return ref(id);
}

/**
 * Every component, by name, as JSON Schema 2020-12 of what is sent.
 * @throws Error when a field of a component is not described, or a description has no field
 */
export function componentSchemas(): Record<string, Json> {
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ jsonSchema }) => tidy(jsonSchema),
  });
  return Object.fromEntries(
    Object.entries(schemas)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, schema]) => [id, inWords(id, schema as Json)]),
  );
}

/** Takes away what only says what numbers JavaScript can hold, or repeats a format as a pattern of 300 characters. */
function tidy(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.format === 'date-time') delete schema.pattern;
}

function inWords(id: string, { $schema: _, $id: __, ...schema }: Json): Json {
  const { description = '', fields = {}, more = {} } = words.get(id) ?? {};
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Json>);
  const missing = properties.map(([name]) => name).filter((name) => !Object.hasOwn(fields, name));
  const strange = Object.keys(fields).filter((name) => !properties.some(([known]) => known === name));
  if (missing.length + strange.length > 0) {
    throw new Error(
      `component ${id}: not described: ${missing.join(', ')}; not there: ${strange.join(', ')}`,
    );
  }
  if (properties.length === 0) return { description, ...schema, ...more };
  const described = properties.map(([name, property]) => {
    const said = fields[name] ?? '';
    return [name, { ...property, ...(typeof said === 'string' ? { description: said } : said) }];
  });
  return { description, ...schema, properties: Object.fromEntries(described), ...more };
}
