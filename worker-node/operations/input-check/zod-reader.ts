import type * as z from 'zod';
import type { JsonSchema } from '../../../shared/api/operation.ts';
import { combined, joined, type Keywords, referenceTo, unlessTrue } from './json-schema.ts';
import { refusesUndefined } from './zod-absence.ts';
import {
  type ReadChecks,
  readListChecks,
  readNumberChecks,
  readPattern,
  readTextChecks,
} from './zod-checks.ts';

type ZodSchema = z.core.SomeType;

/** Beyond these, a schema is left out. A schema that makes new schemas while it is read has no end. */
const MAX_DEPTH = 48;
const MAX_SCHEMAS = 2_000;

/** Types with schemas inside. Another part may refer to them, or they to themselves. */
const COMPOSITES = ['object', 'array', 'tuple', 'record', 'union', 'intersection', 'lazy'];

/** Types whose checks are read. */
const CHECKED_TYPES = ['string', 'number', 'array'];

/** A composite that was met. */
interface Met {
  readonly name: string;
  /** What stands where it was met first. It is filled at the end, when it is known whether others refer to it. */
  readonly place: Record<string, unknown>;
  schema: JsonSchema;
  isReferredTo: boolean;
}

/**
 * Whether a schema has the only word about the keys of an object.
 * - `whole`: it has.
 * - `side`: it has not, on a side of an intersection. A key that one side does not know may be known by the other.
 * - `piped`: it has not, nor have the schemas inside it, at the start of a pipe. A key that it does not know may be
 *   forgiven by the schema that comes next.
 */
type Side = 'whole' | 'side' | 'piped';

/**
 * Reads a zod schema as JSON Schema that refuses only what the zod schema refuses for certain. It reads what it knows, and
 * lets everything else through.
 */
export class ZodReader {
  /** False if something was left out. */
  isWhole = true;
  readonly #met = {
    whole: new Map<ZodSchema, Met>(),
    side: new Map<ZodSchema, Met>(),
    piped: new Map<ZodSchema, Met>(),
  };
  /** In the order in which they were met: a composite comes before those inside it. */
  readonly #all: Met[] = [];
  #depth = 0;

  /** @returns JSON Schema (2020-12) */
  read(schema: ZodSchema): JsonSchema {
    const root = this.#read(schema, 'whole');
    const referredTo = this.#all.filter(({ isReferredTo }) => isReferredTo);
    // The schema of one may be the place of another inside it, such as that of a lazy schema. So the innermost come first.
    for (const { place, schema: made, name, isReferredTo } of this.#all.toReversed()) {
      Object.assign(place, isReferredTo ? referenceTo(name) : made);
    }
    if (referredTo.length === 0 || typeof root === 'boolean') return root;
    return { ...root, $defs: Object.fromEntries(referredTo.map((met) => [met.name, met.schema])) };
  }

  #read(schema: ZodSchema, side: Side): JsonSchema {
    const { type, checks = [] } = schema._zod.def;
    if (!CHECKED_TYPES.includes(type) && checks.length > 0) this.isWhole = false;
    if (!COMPOSITES.includes(type)) return this.#make(schema as z.core.$ZodTypes, side);
    const known = this.#met[side].get(schema);
    if (known !== undefined) {
      known.isReferredTo = true;
      return referenceTo(known.name);
    }
    if (this.#all.length >= MAX_SCHEMAS || this.#depth >= MAX_DEPTH) return this.#leftOut();
    const met: Met = { name: `s${this.#all.length + 1}`, place: {}, schema: true, isReferredTo: false };
    this.#all.push(met);
    this.#met[side].set(schema, met);
    this.#depth++;
    met.schema = this.#make(schema as z.core.$ZodTypes, side);
    this.#depth--;
    return typeof met.schema === 'boolean' ? met.schema : met.place;
  }

  #make(schema: z.core.$ZodTypes, side: Side): JsonSchema {
    const { def } = schema._zod;
    if ('coerce' in def && def.coerce === true) return this.#leftOut();
    switch (def.type) {
      case 'any':
      case 'unknown':
        return true;
      case 'never':
        return false;
      case 'null':
      case 'boolean':
        return { type: def.type };
      case 'string':
        return this.#with({ type: 'string' }, readTextChecks(schema));
      case 'number':
        return this.#with({ type: 'number' }, readNumberChecks(schema));
      case 'template_literal':
        return this.#with({ type: 'string' }, readTemplate(schema._zod.pattern));
      case 'literal':
      case 'enum':
        return schema._zod.values === undefined ? this.#leftOut() : valuesOf(schema._zod.values);
      default:
        return this.#makeOuter(schema, side);
    }
  }

  /** A schema that has others inside. */
  #makeOuter(schema: z.core.$ZodTypes, side: Side): JsonSchema {
    const { def } = schema._zod;
    switch (def.type) {
      case 'array':
        return this.#with(
          { type: 'array', ...unlessTrue('items', this.#read(def.element, inside(side))) },
          readListChecks(schema),
        );
      case 'tuple':
        return this.#tuple(def, inside(side));
      case 'object':
        return this.#object(def, side);
      case 'record':
        return this.#record(def, side);
      case 'union':
        return this.#union(def, side);
      case 'intersection':
        this.isWhole = false;
        return combined(
          'allOf',
          [def.left, def.right].map((part) => this.#read(part, side === 'piped' ? side : 'side')),
        );
      case 'nullable':
        return combined('anyOf', [this.#read(def.innerType, side), { type: 'null' }]);
      case 'lazy':
        return this.#read((schema as z.core.$ZodLazy)._zod.innerType, side);
      // JSON has no `undefined`, so a value that is there is the inner schema's to judge.
      case 'optional':
      case 'default':
      case 'prefault':
      case 'nonoptional':
      case 'readonly':
        return this.#read(def.innerType, side);
      case 'pipe':
        // What comes out of the first schema is no longer the input. zod lets unknown keys through to the second, and
        // some schemas forgive them there; a transformation does not.
        this.isWhole = false;
        return this.#read(def.in, def.out._zod.def.type === 'transform' ? side : 'piped');
      default:
        return this.#leftOut();
    }
  }

  #object({ shape, catchall }: z.core.$ZodObjectDef, side: Side): Keywords {
    // zod leaves this field out, since it could change what an object is.
    const fields = Object.entries(shape).filter(([name]) => name !== '__proto__');
    const properties = fields.map(([name, field]) => [name, this.#read(field, inside(side))] as const);
    const required = fields.filter(([, field]) => this.#mustBePresent(field)).map(([name]) => name);
    const others = catchall === undefined ? true : this.#read(catchall, inside(side));
    const isOpen = others === true || (others === false && side !== 'whole');
    return {
      type: 'object',
      properties: Object.fromEntries(isOpen ? properties.filter(([, field]) => field !== true) : properties),
      ...(required.length === 0 ? {} : { required }),
      ...(isOpen ? {} : { additionalProperties: others }),
    };
  }

  #tuple({ items, rest }: z.core.$ZodTupleDef, side: Side): Keywords {
    // An item before one that must be there is there as well, so it is not asked.
    const lastNeeded = items.findLastIndex(
      (item) => this.#mustBePresent(item) && item._zod.optout !== 'optional',
    );
    return {
      type: 'array',
      prefixItems: items.map((item) => this.#read(item, side)),
      ...(lastNeeded < 0 ? {} : { minItems: lastNeeded + 1 }),
      ...(rest === null || rest === undefined
        ? { maxItems: items.length }
        : unlessTrue('items', this.#read(rest, side))),
    };
  }

  #record({ keyType, valueType, mode, partial }: z.core.$ZodRecordDef, side: Side): Keywords {
    const key = keyType as unknown as z.core.$ZodTypes;
    const names = namesOf(key);
    if (mode === 'loose' || (names === undefined && key._zod.def.type !== 'string')) return this.#anyObject();
    const keys = readTextChecks(key);
    // In an intersection, a key that one side refuses is not its to judge.
    if (side !== 'whole' && (names !== undefined || keys.keywords.length > 0 || !keys.isWhole))
      return this.#anyObject();
    if (names === undefined) return this.#openRecord(keys, valueType, inside(side));
    const isNeeded = partial !== true && this.#mustBePresent(valueType);
    return {
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, this.#read(valueType, 'whole')])),
      ...(isNeeded ? { required: names } : {}),
      additionalProperties: false,
    };
  }

  #openRecord(keys: ReadChecks, valueType: ZodSchema, side: Side): Keywords {
    const propertyNames = this.#with({}, keys);
    return {
      type: 'object',
      ...(Object.keys(propertyNames).length === 0 ? {} : { propertyNames }),
      // A key that the schema changes may be one that zod leaves out, with its value.
      ...(keys.mayChange ? {} : unlessTrue('additionalProperties', this.#read(valueType, side))),
    };
  }

  #union(def: z.core.$ZodUnionDef, side: Side): JsonSchema {
    // An exclusive union refuses also what fits two of its options.
    if (def.inclusive === false && !('discriminator' in def)) this.isWhole = false;
    return combined(
      'anyOf',
      def.options.map((option) => this.#read(option, side)),
    );
  }

  #with(keywords: Keywords, checks: ReadChecks): Keywords {
    if (!checks.isWhole) this.isWhole = false;
    return joined(keywords, checks.keywords);
  }

  /** Whether a field must be there for certain. If it is not certain, the check is not whole. */
  #mustBePresent(field: ZodSchema): boolean {
    const mayBeAbsent = field._zod.optin !== undefined;
    const isNeeded = !mayBeAbsent && refusesUndefined(field as z.core.$ZodType);
    if (!mayBeAbsent && !isNeeded) this.isWhole = false;
    return isNeeded;
  }

  #anyObject(): Keywords {
    this.isWhole = false;
    return { type: 'object' };
  }

  #leftOut(): true {
    this.isWhole = false;
    return true;
  }
}

/** What counts for the schemas inside one. */
function inside(side: Side): Side {
  return side === 'piped' ? side : 'whole';
}

function readTemplate(pattern: unknown): ReadChecks {
  const { keywords, isExact } = readPattern(pattern);
  return { keywords: keywords === undefined ? [] : [keywords], isWhole: isExact, mayChange: false };
}

/** The only keys that a record can have; undefined if its key schema does not list them. */
function namesOf({ _zod: { def, values } }: z.core.$ZodTypes): string[] | undefined {
  const listsKeys = def.type === 'enum' || def.type === 'literal';
  const keys = listsKeys && values !== undefined ? [...values] : undefined;
  return keys
    ?.filter((key) => typeof key === 'string' || typeof key === 'number')
    .map(String)
    .filter((key) => key !== '__proto__');
}

/** The values of a literal or an enum that JSON has. */
function valuesOf(values: ReadonlySet<unknown>): JsonSchema {
  const inJson = [...values].filter(
    (value) =>
      value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value),
  );
  if (inJson.length === 0) return false;
  return inJson.length === 1 ? { const: inJson[0] } : { enum: inJson };
}
