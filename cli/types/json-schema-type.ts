import type { JsonSchema } from '../../shared/api/operation.ts';
import { printableJson } from '../../shared/text/json/printable-json.ts';
import { escapeControls } from '../../shared/text/terminal/escape-controls.ts';

/** The keywords of JSON Schema 2020-12 that say something about a type. All others only narrow a value. */
interface Keywords {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  /** Read for tuples only, whose items from there on may be missing. Without it, some libraries mean that none may. */
  readonly minItems?: number;
  readonly description?: string;
}

const TYPES: ReadonlyMap<string, string> = new Map([
  ['string', 'string'],
  ['number', 'number'],
  ['integer', 'number'],
  ['boolean', 'boolean'],
  ['null', 'null'],
]);

/**
 * Writes a JSON Schema as a TypeScript type. What it cannot say, such as a pattern, it leaves out: the type is then wider. So it
 * does with what is no JSON Schema, since nobody may have checked what a worker announces.
 */
export class SchemaType {
  readonly #root: JsonSchema;
  /** The names of the types that `$ref` names, by reference. */
  readonly #names = new Map<string, string>();
  readonly #declarations: string[] = [];
  readonly #prefix: string;
  readonly #taken: Set<string>;

  /**
   * @param prefix begins the name of each type of its own that the schema needs
   * @param taken the names of the types that its file declares; those of the schema are added
   */
  constructor(root: JsonSchema, prefix: string, taken: Set<string>) {
    this.#root = root;
    this.#prefix = prefix;
    this.#taken = taken;
  }

  /** The type of the whole schema. */
  get text(): string {
    return this.#typeOf(this.#root, '  ');
  }

  /** The types that {@link text} names, each a declaration. Read them after it. */
  get declarations(): readonly string[] {
    return this.#declarations;
  }

  #typeOf(schema: JsonSchema, indent: string): string {
    if (schema === false) return 'never';
    if (!isSchema(schema)) return 'unknown';
    const keywords: Keywords = schema;
    if ('const' in schema) return literal(keywords.const);
    if (Array.isArray(keywords.enum)) return union(keywords.enum.map(literal));
    const parts = [
      ...(typeof keywords.$ref === 'string' ? [this.#named(keywords.$ref)] : []),
      ...this.#combined(keywords, indent),
      ...this.#ofKind(keywords, indent),
    ].filter((part) => part !== 'unknown');
    return parts.length === 0 ? 'unknown' : joined(parts, ' & ');
  }

  #combined({ anyOf, oneOf, allOf }: Keywords, indent: string): string[] {
    const of = (schemas: readonly JsonSchema[]): string[] =>
      schemas.map((schema) => this.#typeOf(schema, indent));
    return [
      ...[anyOf, oneOf].filter(Array.isArray).map((schemas) => union(of(schemas))),
      ...(Array.isArray(allOf) ? of(allOf) : []),
    ];
  }

  #ofKind(keywords: Keywords, indent: string): string[] {
    const { type, properties, items, prefixItems } = keywords;
    if (Array.isArray(type)) return [union(type.map((one: string) => this.#kind(one, keywords, indent)))];
    if (typeof type === 'string') return [this.#kind(type, keywords, indent)];
    if (properties !== undefined) return [this.#object(keywords, indent)];
    return items !== undefined || prefixItems !== undefined ? [this.#array(keywords, indent)] : [];
  }

  #kind(type: string, keywords: Keywords, indent: string): string {
    if (type === 'object') return this.#object(keywords, indent);
    if (type === 'array') return this.#array(keywords, indent);
    return TYPES.get(type) ?? 'unknown';
  }

  #array({ items = true, prefixItems, minItems }: Keywords, indent: string): string {
    const rest = items === false ? undefined : `${inParts(this.#typeOf(items, indent))}[]`;
    if (!Array.isArray(prefixItems)) return rest ?? '[]';
    const needed = minItems ?? prefixItems.length;
    const first = prefixItems.map((item: JsonSchema, place: number) => {
      const type = this.#typeOf(item, indent);
      return place < needed ? type : `${inParts(type)}?`;
    });
    return `[${[...first, ...(rest === undefined ? [] : [`...${rest}`])].join(', ')}]`;
  }

  #object(keywords: Keywords, indent: string): string {
    const { required, patternProperties, additionalProperties } = keywords;
    const needed = new Set(Array.isArray(required) ? required.map(String) : []);
    const properties = isSchema(keywords.properties) ? keywords.properties : {};
    const inner = `${indent}  `;
    const described = Object.entries(properties).map(([name, schema]) => {
      const mark = needed.has(name) ? '' : '?';
      return `${comment(schema, inner)}${inner}${quoted(name)}${mark}: ${this.#typeOf(schema, inner)};\n`;
    });
    const isAlone = described.length === 0 && patternProperties === undefined;
    const isOpen = patternProperties !== undefined || (additionalProperties ?? isAlone) !== false;
    const others = (): string[] => {
      // An index signature has to allow what the named properties are, and those with a pattern.
      const type = isAlone ? this.#typeOf(additionalProperties ?? true, inner) : 'unknown';
      if (isOpen) return [`${inner}[name: string]: ${type};\n`];
      if (additionalProperties === false) return [];
      const undescribed = [...needed].filter((name) => !Object.hasOwn(properties, name));
      return undescribed.map((name) => `${inner}${quoted(name)}: unknown;\n`);
    };
    const fields = [...described, ...others()];
    return fields.length === 0 ? '{}' : `{\n${fields.join('')}${indent}}`;
  }

  /** The name of the type that a reference leads to. It is declared once, so that a schema may contain itself. */
  #named(reference: string): string {
    const known = this.#names.get(reference);
    if (known !== undefined) return known;
    const schema = at(this.#root, reference);
    if (schema === undefined) return 'unknown';
    const name = this.#newName();
    this.#names.set(reference, name);
    this.#declarations.push(`type ${name} = ${this.#typeOf(schema, '')};\n`);
    return name;
  }

  /** Another operation may have the same prefix: `image.scale` and `image-scale`. */
  #newName(): string {
    let number = 1;
    while (this.#taken.has(`${this.#prefix}${number}`)) number++;
    const name = `${this.#prefix}${number}`;
    this.#taken.add(name);
    return name;
  }
}

/** A comment above a declaration: the schema's description. */
export function comment(schema: unknown, indent: string): string {
  const { description } = isSchema(schema) ? schema : {};
  if (typeof description !== 'string' || description.trim() === '') return '';
  const text = description.replaceAll('*/', '*\\/').replaceAll(/\s+/g, ' ').trim();
  return `${indent}/** ${escapeControls(text)} */\n`;
}

/** The part of a schema that a JSON Pointer in a reference names (`#/$defs/Node`). */
function at(root: JsonSchema, reference: string): JsonSchema | undefined {
  if (!/^#(?:\/|$)/.test(reference)) return undefined;
  const keys = decoded(reference.slice(1)).split('/').slice(1);
  let found: unknown = root;
  for (const key of keys) {
    const name = key.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return isSchema(found) || typeof found === 'boolean' ? found : undefined;
}

/** A fragment of a URI as text; as it is, if its percent signs encode nothing. */
function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function isSchema(value: unknown): value is Extract<JsonSchema, object> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return value === undefined ? 'unknown' : quoted(value);
  const fields = Object.entries(value).map(([name, part]) => `${quoted(name)}: ${literal(part)}`);
  return `{ ${fields.join('; ')} }`;
}

/** A value as a literal. Characters that a terminal or an editor would act on, or not show, are escaped. */
function quoted(value: unknown): string {
  return printableJson(JSON.stringify(value));
}

function union(types: readonly string[]): string {
  if (types.includes('unknown')) return 'unknown';
  return types.length === 0 ? 'never' : joined(types, ' | ');
}

function joined(types: readonly string[], by: string): string {
  const different = [...new Set(types)];
  return different.length === 1 ? (different[0] ?? '') : different.map(inParts).join(by);
}

/** In brackets, if it has parts that bind less. */
function inParts(type: string): string {
  return /^[\w"'.]+$|^\{[^{}]*\}$/.test(type) ? type : `(${type})`;
}
