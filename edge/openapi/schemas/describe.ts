import * as z from 'zod';

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The texts of a schema, and what its zod schema cannot express. */
export interface Words {
  readonly description: string;
  /** Each field of an object: a sentence, or JSON Schema to lay over the field. */
  readonly fields?: Readonly<Record<string, string | JsonSchema>>;
  /** JSON Schema for what a refinement checks, which zod cannot express. */
  readonly more?: JsonSchema;
}

const wordsById = new Map<string, Words>();

/**
 * Makes a schema a component of the document, with its words. This happens here and not in `shared/`, so that the words
 * are not deployed.
 */
export function describe(id: string, schema: z.ZodType, words: Words): void {
  schema.register(z.globalRegistry, { id });
  wordsById.set(id, words);
}

/** A reference to the component `id`. */
export function ref(id: string): { $ref: string } {
  return { $ref: `#/components/schemas/${id}` };
}

/**
 * The component `id` with its words.
 * @throws Error when a field has no description, or a description has no field
 */
export function inWords(id: string, schema: JsonSchema): JsonSchema {
  const { description = '', fields = {}, more } = wordsById.get(id) ?? {};
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, JsonSchema>>);
  const missing = properties.map(([name]) => name).filter((name) => !Object.hasOwn(fields, name));
  const strange = Object.keys(fields).filter((name) => !properties.some(([known]) => known === name));
  if (missing.length + strange.length > 0) {
    throw new Error(
      `component ${id}: fields without a description: ${missing}; descriptions without a field: ${strange}`,
    );
  }
  if (properties.length === 0) return { description, ...schema, ...more };
  const described = properties.map(([name, property]) => [name, { ...property, ...wordsOf(fields[name]) }]);
  return { description, ...schema, properties: Object.fromEntries(described), ...more };
}

function wordsOf(words: string | JsonSchema | undefined): JsonSchema {
  return typeof words === 'string' ? { description: words } : (words ?? {});
}
