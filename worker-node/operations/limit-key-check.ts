import type { JsonSchema, OperationAnnouncement } from '../../shared/api/operation.ts';
import { TENANT_KEY } from '../../shared/job/limit-key.ts';
import { jsonPointer, pointerNames } from '../../shared/text/json/json-pointer.ts';

/** A sentence names no more properties than this. */
const MAX_NAMED = 20;
/** Schemas may refer to themselves. */
const MAX_DEPTH = 20;
const SCALARS = ['string', 'number', 'integer', 'boolean', 'null'];

type SchemaObject = Exclude<JsonSchema, boolean>;
/** The properties that a value may have; undefined: the schema does not name all of them. */
type Properties = ReadonlyMap<string, JsonSchema> | undefined;

/**
 * Looks for limits whose key names no property of the input. Jobs whose input has nothing at that place share one limit.
 * @returns a sentence for each of these limits, with the properties that the schema has at that place; none where the
 *   schema leaves open which properties there are
 */
export function limitKeyFaults(operation: OperationAnnouncement): string[] {
  const { concurrency, rateLimit } = operation;
  const keys = { concurrency: concurrency?.key, rateLimit: rateLimit?.key };
  return Object.entries(keys).flatMap(([setting, key]) => {
    const fault = key === undefined || key === TENANT_KEY ? undefined : faultOf(key, operation.inputSchema);
    return fault === undefined ? [] : [`operation ${operation.name}: ${setting}.key ${fault}`];
  });
}

function faultOf(key: string, root: JsonSchema): string | undefined {
  let schema = root;
  const above: string[] = [];
  for (const name of pointerNames(key)) {
    const properties = propertiesOf(schema, root);
    if (properties === undefined) return undefined;
    const next = properties.get(name);
    if (next === undefined)
      return `is ${JSON.stringify(key)}, but the input schema has no property ${JSON.stringify(name)}${placeOf(above)}; ${listOf(properties)}. Jobs whose input has nothing there share one limit`;
    schema = next;
    above.push(name);
  }
  return undefined;
}

function placeOf(above: readonly string[]): string {
  return above.length === 0 ? '' : ` in ${jsonPointer(above)}`;
}

function listOf(properties: ReadonlyMap<string, JsonSchema>): string {
  if (properties.size === 0) return 'there are no properties';
  const names = [...properties.keys()];
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return `the properties are ${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}

function propertiesOf(schema: JsonSchema, root: JsonSchema, depth = 0): Properties {
  if (typeof schema === 'boolean' || depth > MAX_DEPTH) return undefined;
  const parts = [schema.anyOf, schema.oneOf, schema.allOf].filter((list) => list !== undefined).flat();
  if (typeof schema.$ref === 'string') parts.push(referred(schema.$ref, root));
  if (parts.length > 0)
    return merged(parts.map((part) => (isSchema(part) ? propertiesOf(part, root, depth + 1) : undefined)));
  return ownProperties(schema);
}

function ownProperties({ type, properties, ...rest }: SchemaObject): Properties {
  if (typeof type === 'string' && SCALARS.includes(type)) return new Map();
  const { additionalProperties = false, patternProperties } = rest;
  const isOpen = additionalProperties !== false || patternProperties !== undefined;
  if (type !== 'object' || isOpen || typeof properties !== 'object' || properties === null) return undefined;
  return new Map(Object.entries(properties).map(([name, value]) => [name, isSchema(value) ? value : true]));
}

/** The properties that one of several schemas names. */
function merged(parts: readonly Properties[]): Properties {
  const all = new Map<string, JsonSchema>();
  for (const part of parts) {
    if (part === undefined) return undefined;
    for (const [name, schema] of part) {
      const other = all.get(name);
      all.set(name, other === undefined ? schema : { anyOf: [other, schema] });
    }
  }
  return all;
}

/** The schema that `#/$defs/name` means; `true` for any other reference. */
function referred(ref: string, root: JsonSchema): JsonSchema {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return true;
  let value: unknown = root;
  for (const name of pointerNames(ref.slice(1))) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return true;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return isSchema(value) ? value : true;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value));
}
