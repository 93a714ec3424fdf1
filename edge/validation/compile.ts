import { pointerName } from '../../shared/text/json/json-pointer.ts';
import { percentDecoded } from '../../shared/text/percent-decoded.ts';
import { Patterns } from './pattern/patterns.ts';
import { allOf, anyOf, negation, oneOf, reference } from './rules/combining.ts';
import { fields } from './rules/fields.ts';
import { items, maxItems, minItems, uniqueItems } from './rules/list.ts';
import { exclusiveMaximum, exclusiveMinimum, maximum, minimum, multipleOf } from './rules/number.ts';
import { maxProperties, minProperties, propertyNames, required } from './rules/object.ts';
import { isObject, type RuleMaker, type SchemaObject, type SchemaReader } from './rules/rule-maker.ts';
import { maxLength, minLength, pattern } from './rules/text.ts';
import { constant, enumeration, type } from './rules/value.ts';
import { type Rule, SchemaNode } from './schema-node.ts';
import { NO, UNKNOWN } from './verdict.ts';

/** The keywords that are known here. Rules are judged in this order: cheap ones, and ones that often fail, come first. */
const KEYWORDS: readonly (readonly [keywords: readonly string[], make: RuleMaker])[] = [
  [['type'], type],
  [['const'], constant],
  [['enum'], enumeration],
  [['minimum'], minimum],
  [['maximum'], maximum],
  [['exclusiveMinimum'], exclusiveMinimum],
  [['exclusiveMaximum'], exclusiveMaximum],
  [['multipleOf'], multipleOf],
  [['minLength'], minLength],
  [['maxLength'], maxLength],
  [['minItems'], minItems],
  [['maxItems'], maxItems],
  [['required'], required],
  [['minProperties'], minProperties],
  [['maxProperties'], maxProperties],
  [['pattern'], pattern],
  [['propertyNames'], propertyNames],
  [['properties', 'patternProperties', 'additionalProperties'], fields],
  [['prefixItems', 'items'], items],
  [['uniqueItems'], uniqueItems],
  [['$ref'], reference],
  [['allOf'], allOf],
  [['anyOf'], anyOf],
  [['oneOf'], oneOf],
  [['not'], negation],
];
const KNOWN = new Set(KEYWORDS.flatMap(([keywords]) => keywords));

/** Keywords that ask nothing of a value. */
const ANNOTATIONS = new Set([
  '$anchor',
  '$comment',
  '$defs',
  '$schema',
  'default',
  'definitions',
  'deprecated',
  'description',
  'examples',
  'readOnly',
  'title',
  'writeOnly',
]);
/** The only dialect that is read. In others the same keywords mean something else. */
const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

const MAX_DEPTH = 64;
const MAX_NODES = 20_000;

const UNDECIDED: Rule = { judge: () => UNKNOWN, explain: () => undefined };
const NEVER: Rule = {
  judge: () => NO,
  explain: (_value, place, report) => report.add(place, 'is not allowed here'),
};

/** Reads a JSON Schema (2020-12). What it cannot read stays undecided; the rest counts. @param patterns those that were read, also later */
export function compileSchema(schema: unknown, patterns = new Patterns()): SchemaNode {
  return new Compiler(schema, patterns).root;
}

class Compiler implements SchemaReader {
  readonly root: SchemaNode;
  readonly patterns: Patterns;
  readonly #schema: unknown;
  readonly #targets = new Map<string, () => SchemaNode>();
  #depth = 0;
  #nodes = 0;

  constructor(schema: unknown, patterns: Patterns) {
    this.patterns = patterns;
    this.#schema = schema;
    this.root = this.read(schema);
  }

  read(schema: unknown): SchemaNode {
    const nodesBefore = ++this.#nodes;
    if (nodesBefore > MAX_NODES || this.#depth >= MAX_DEPTH) return new SchemaNode([UNDECIDED], true);
    this.#depth++;
    const rules = this.#rulesOf(schema);
    this.#depth--;
    const isLeaf = this.#nodes === nodesBefore && !(isObject(schema) && '$ref' in schema);
    return new SchemaNode(rules, isLeaf);
  }

  refer(reference: string): (() => SchemaNode) | undefined {
    const known = this.#targets.get(reference);
    if (known !== undefined) return known;
    const schema = schemaAt(this.#schema, reference);
    if (schema === undefined) return undefined;
    let node: SchemaNode | undefined;
    const target = () => {
      node ??= this.read(schema);
      return node;
    };
    this.#targets.set(reference, target);
    return target;
  }

  #rulesOf(schema: unknown): Rule[] {
    if (typeof schema === 'boolean') return schema ? [] : [NEVER];
    if (!isObject(schema) || !this.#isReadable(schema)) return [UNDECIDED];
    const rules = KEYWORDS.flatMap(([keywords, make]) => {
      const present = keywords.find((keyword) => Object.hasOwn(schema, keyword));
      return present === undefined ? [] : [make(schema[present], schema, this) ?? UNDECIDED];
    });
    const isWhole = Object.keys(schema).every((keyword) => KNOWN.has(keyword) || ANNOTATIONS.has(keyword));
    return isWhole ? rules : [...rules, UNDECIDED];
  }

  /** Whether a schema is of this dialect and belongs to this document: an inner `$id` starts another document, with its own references. */
  #isReadable({ $schema = DIALECT, $id }: SchemaObject): boolean {
    return $schema === DIALECT && ($id === undefined || this.#nodes === 1);
  }
}

/** The schema that a reference such as `#/$defs/a` points at: a JSON Pointer in a URI fragment (RFC 6901, section 6). */
function schemaAt(root: unknown, reference: string): unknown {
  const [document, ...keys] = reference.split('/');
  if (document !== '#') return undefined;
  let schema = root;
  for (const key of keys) {
    const name = pointerName(percentDecoded(key));
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, name)) return undefined;
    schema = (schema as Readonly<Record<string, unknown>>)[name];
    if (isObject(schema) && '$id' in schema) return undefined;
  }
  return schema;
}
