import * as z from 'zod';

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The descriptions of a schema and its fields, and JSON Schema that its zod schema cannot express. */
export interface Words {
  readonly description: string;
  /** For each field of an object: a sentence that describes the field, or JSON Schema to add to the field. */
  readonly fields?: Readonly<Record<string, string | JsonSchema>>;
  /** JSON Schema for the checks of a zod refinement, which zod cannot express as JSON Schema. */
  readonly more?: JsonSchema;
}

const wordsById = new Map<string, Words>();

/**
 * Makes a schema a component of the OpenAPI document, and adds its descriptions. This file is not in `shared/`, so that
 * the descriptions are not deployed.
 */
export function describe(id: string, schema: z.ZodType, words: Words): void {
  schema.register(z.globalRegistry, { id });
  wordsById.set(id, words);
}

/** Makes a reference to the component `id`. */
export function ref(id: string): { $ref: string } {
  return { $ref: `#/components/schemas/${id}` };
}

/**
 * Adds the descriptions to the component `id`.
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
