import type * as z from 'zod';
import type { AccessScope } from '../../../shared/api/access-scope.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import type { HeaderName } from './headers.ts';
import type { ParameterName } from './parameters.ts';

/** A part of the document, as JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** Where routes are listed together. */
export type Tag = 'Jobs' | 'Dead letters' | 'Outbox' | 'Operations' | 'Health' | 'Documents';

/** What a route takes and answers, beside what holds for all of its kind (see `problemsOf` and `headersOf`). */
export interface RouteDescription {
  readonly method: 'get' | 'post' | 'delete';
  /** With the names of its parts in braces: `/v1/jobs/{id}`. */
  readonly path: string;
  /** Unique; generators of clients name a method for it. */
  readonly operationId: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  /** What the key or token must allow; undefined: the route is open to all. */
  readonly scope?: AccessScope;
  readonly parameters?: readonly ParameterName[];
  /** The schema that the route reads its query with, and how each name is shown. */
  readonly query?: QueryDescription;
  readonly body?: { readonly schema: z.ZodType; readonly examples: Json };
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Error codes, beside those of every route of this kind. */
  readonly problems?: readonly ErrorCode[];
}

export interface QueryDescription {
  readonly schema: z.ZodObject;
  readonly fields: Readonly<Record<string, { readonly description: string; readonly schema?: Json }>>;
}

/** An answer that is no problem document. */
export interface Answer {
  readonly description: string;
  readonly headers?: readonly HeaderName[];
  /** By media type; absent: no body. */
  readonly content?: Readonly<Record<string, Content>>;
}

export interface Content {
  /** A schema that is among the components, or one as JSON where the body is no JSON. */
  readonly schema: z.ZodType | Json;
  /** By name, each a value. */
  readonly examples?: Json;
  /** Of an event stream: the schema of what stands behind `data:`. */
  readonly event?: z.ZodType;
}

/** An answer of JSON. */
export function json(
  description: string,
  schema: z.ZodType,
  examples?: Json,
  headers: readonly HeaderName[] = [],
): Answer {
  const content: Content = examples === undefined ? { schema } : { schema, examples };
  return { description, headers, content: { 'application/json': content } };
}
