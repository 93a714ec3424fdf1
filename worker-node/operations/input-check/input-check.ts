import type { StandardSchemaV1 } from '@standard-schema/spec';
import type * as z from 'zod';
import type { JsonSchema } from '../../../shared/api/operation.ts';
import { ZodReader } from './zod-reader.ts';

/** What the edge checks of an input, before the worker checks it with the schema itself. */
export interface InputCheck {
  /** JSON Schema (2020-12) that refuses only what the schema itself refuses for certain. */
  readonly schema: JsonSchema;
  /** Whether it refuses all that the schema itself refuses, as far as that can be known. */
  readonly isWhole: boolean;
}

/** A check of more than this would not be small beside the inputs that it is for. */
const MAX_CHARACTERS = 64 * 1024;
const NOTHING: InputCheck = { schema: true, isWhole: false };

/**
 * The input check of a schema. Only zod lets itself be read well enough; the inputs of other libraries are checked by the
 * worker alone: the JSON Schema that they offer is made for people and tools, and may refuse what they accept.
 */
export function inputCheckOf(schema: StandardSchemaV1): InputCheck {
  if (!isZodSchema(schema)) return NOTHING;
  try {
    const reader = new ZodReader();
    const check = { schema: reader.read(schema), isWhole: reader.isWhole };
    return JSON.stringify(check.schema).length <= MAX_CHARACTERS ? check : NOTHING;
  } catch {
    // An author's schema may throw while it is read, such as one that refers to a constant that is not there yet.
    return NOTHING;
  }
}

/** Whether a schema is one of zod 4, of any copy of the library. */
function isZodSchema(schema: object): schema is z.core.$ZodType {
  return '_zod' in schema && typeof schema._zod === 'object' && schema._zod !== null && 'def' in schema._zod;
}
