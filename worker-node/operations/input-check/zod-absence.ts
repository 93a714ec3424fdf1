import type * as z from 'zod';

/** How many schemas inside each other are looked at. A schema that refers to itself has no end. */
const MAX_DEPTH = 20;

/** Types that refuse `undefined`, unless they turn any value into one of theirs. */
const REFUSING = [
  'string',
  'number',
  'boolean',
  'null',
  'array',
  'tuple',
  'object',
  'record',
  'template_literal',
];

/**
 * Whether a schema refuses `undefined` for certain, which is what zod makes of a field that is absent.
 * @param depth how many schemas inside each other are looked at
 */
export function refusesUndefined(schema: z.core.$ZodType, depth = MAX_DEPTH): boolean {
  if (depth === 0) return false;
  const inside = (inner: z.core.SomeType) => refusesUndefined(inner as z.core.$ZodType, depth - 1);
  const { def, values } = (schema as z.core.$ZodTypes)._zod;
  if (REFUSING.includes(def.type)) return !('coerce' in def && def.coerce === true);
  switch (def.type) {
    case 'literal':
    case 'enum':
      return values?.has(undefined) === false;
    case 'nullable':
    case 'readonly':
      return inside(def.innerType);
    case 'nonoptional':
      return inside(withoutOptional(def.innerType));
    case 'lazy':
      return inside((schema as z.core.$ZodLazy)._zod.innerType);
    case 'pipe':
      return inside(def.in);
    case 'union':
      return def.options.every(inside);
    case 'intersection':
      return inside(def.left) || inside(def.right);
    default:
      return false;
  }
}

function withoutOptional(schema: z.core.SomeType): z.core.SomeType {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === 'optional' ? def.innerType : schema;
}
