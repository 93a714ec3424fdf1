/** Small builders of JSON Schema. */
import type { JsonSchema } from '../../../shared/api/operation.ts';

/** A schema that is an object. */
export type Keywords = Readonly<Exclude<JsonSchema, boolean>>;

/** How two values of a keyword become one. */
const JOINS: Readonly<Record<string, (a: unknown, b: unknown) => unknown>> = {
  minimum: higher,
  maximum: lower,
  exclusiveMinimum: higher,
  exclusiveMaximum: lower,
  minLength: higher,
  maxLength: lower,
  minItems: higher,
  maxItems: lower,
  // A check can only make a number an integer.
  type: (_number, integer) => integer,
};

export function referenceTo(name: string): Keywords {
  return { $ref: `#/$defs/${name}` };
}

/** A keyword with a schema; nothing if the schema lets everything through. */
export function unlessTrue(keyword: string, schema: JsonSchema): Keywords {
  return schema === true ? {} : { [keyword]: schema };
}

/** `allOf` or `anyOf`, without the schemas that do not matter. */
export function combined(keyword: 'allOf' | 'anyOf', schemas: readonly JsonSchema[]): JsonSchema {
  const deciding = keyword === 'anyOf';
  if (schemas.includes(deciding)) return deciding;
  const rest = schemas.filter((schema) => typeof schema !== 'boolean');
  const [only] = rest;
  if (only === undefined) return !deciding;
  return rest.length === 1 ? only : { [keyword]: rest };
}

/** One schema that asks for all: of two bounds the stricter counts, and what cannot be joined goes into `allOf`. */
export function joined(base: Keywords, parts: readonly Keywords[]): Keywords {
  let schema = base;
  const others: Keywords[] = [];
  for (const part of parts) {
    const isJoinable = Object.keys(part).every((keyword) => !(keyword in schema) || keyword in JOINS);
    if (isJoinable) schema = { ...schema, ...part, ...bounds(schema, part) };
    else others.push(part);
  }
  return others.length === 0 ? schema : { ...schema, allOf: others };
}

function bounds(a: Keywords, b: Keywords): Keywords {
  const both = Object.keys(b).filter((keyword) => keyword in a);
  return Object.fromEntries(both.map((keyword) => [keyword, JOINS[keyword]?.(a[keyword], b[keyword])]));
}

function higher(a: unknown, b: unknown): number {
  return Math.max(Number(a), Number(b));
}

function lower(a: unknown, b: unknown): number {
  return Math.min(Number(a), Number(b));
}
