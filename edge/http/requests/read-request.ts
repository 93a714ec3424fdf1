import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import * as z from 'zod';
import type { SomeQuotas } from '../../../shared/api/usage.ts';
import { ThroughlineError, type Violation } from '../../../shared/errors.ts';
import { isToken } from '../../../shared/job/job-address.ts';
import { type ListPlace, readCursor, readNameCursor } from '../../calls/cursors.ts';
import type { EdgeHono } from '../edge-app.ts';
import { knownFields, violationsOf } from './violations.ts';

/** A text in double quotes, which may hold anything. One of digits means the same without quotes. */
const QUOTED = /"([0-9]*)"|"(?:[^"\\]|\\.)*"?/g;
const WAIT = /(?:^|[,;])\s*wait\s*=\s*([0-9]+)\s*(?:$|[,;])/i;

/** The tenant whose jobs the request is about. @throws ThroughlineError `unauthenticated` */
export function tenantOf(c: Context<EdgeHono>): string {
  const { identity } = c.env.requestContext;
  if (identity === undefined) throw new ThroughlineError('unauthenticated', 'a key is needed');
  return identity.tenant;
}

/** The quotas that the caller's token names for its tenant. */
export function claimedQuotas(c: Context<EdgeHono>): SomeQuotas | undefined {
  return c.env.requestContext.identity?.quotas;
}

/**
 * Reads a body or a query by its schema.
 * @throws ThroughlineError `request-invalid`, with each place that is wrong
 */
export function parseRequest<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value, { error: knownFields });
  if (parsed.success) return parsed.data;
  throw invalid(violationsOf(parsed.error.issues));
}

function invalid(violations: readonly Violation[]): ThroughlineError {
  const summary = violations.map(({ path, message }) => `${path || 'the request'}: ${message}`).join('; ');
  return new ThroughlineError('request-invalid', summary, { violations });
}

/** The only parameter that may be given more than once. */
const LIST = 'tag';

/**
 * Reads the query by its schema.
 * @throws ThroughlineError `request-invalid`, with each parameter that is wrong or unknown, or is given more than once
 */
export function readQuery<T>(c: Context<EdgeHono>, schema: z.ZodType<T>): T {
  const given = Object.entries(c.req.queries());
  const values = given.map(([name, all]) => [name, name === LIST ? all : all[0]]);
  const query = parseRequest(schema, Object.fromEntries(values));
  const repeated = given.filter(([name, all]) => name !== LIST && all.length > 1);
  if (repeated.length === 0) return query;
  throw invalid(
    repeated.map(([name, { length }]) => ({
      path: `/${name}`,
      message: `is given ${length} times, but may be given once`,
    })),
  );
}

const NoQuery = z.strictObject({});

/** Refuses every parameter in the query: without the error, a caller would not notice that it has no effect. */
export function noQuery() {
  return createMiddleware<EdgeHono>(function noQuery(c, next) {
    if (c.req.url.includes('?')) readQuery(c, NoQuery);
    return next();
  });
}

/**
 * The id in the path of a request.
 * @throws ThroughlineError made by `unknown` when nothing can have such an id, so that the answer is the same as for an
 * id of another tenant
 */
export function pathId(c: Context<EdgeHono>, unknown: (id: string) => ThroughlineError): string {
  const id = c.req.param('id');
  if (!isToken(id)) throw unknown(id ?? '');
  return id;
}

/** The error for a cursor or an event id that looks like one of this API, but was not made for this caller and list. */
export function unknownCursor(): ThroughlineError {
  return new ThroughlineError(
    'cursor-unknown',
    'this API did not give you this cursor or event id for this list',
  );
}

/** The place at a cursor of a list of jobs; undefined without one. @throws ThroughlineError `cursor-unknown` */
export function listPlace(cursor: string | undefined): ListPlace | undefined {
  return placeAt(cursor, readCursor);
}

/** The place at a cursor of a list of schedules: a name; undefined without one. @throws ThroughlineError `cursor-unknown` */
export function namePlace(cursor: string | undefined): string | undefined {
  return placeAt(cursor, readNameCursor);
}

function placeAt<T>(cursor: string | undefined, read: (cursor: string) => T | undefined): T | undefined {
  if (cursor === undefined) return undefined;
  const place = read(cursor);
  if (place === undefined) throw unknownCursor();
  return place;
}

/**
 * The seconds of `Prefer: wait=N` (RFC 7240, section 4.3), at most `limit`. Undefined if there is no such
 * preference, or one that cannot be read: the RFC says to ignore it.
 */
export function preferredWait(header: string | undefined, limit: number): number | undefined {
  const [, seconds] = WAIT.exec((header ?? '').replace(QUOTED, ' $1 ')) ?? [];
  return seconds === undefined ? undefined : Math.min(Number(seconds), limit);
}

/** Whether an `Accept` header asks for an event stream: it does not refuse one, and does not like JSON better. */
export function acceptsEventStream(header = ''): boolean {
  const ofStream = weightIn(header, 'text/event-stream');
  return ofStream > 0 && ofStream >= weightIn(header, 'application/json');
}

/** The weight of a media type in an `Accept` header (RFC 9110, section 12.4.2); 0 if the header does not name it. */
function weightIn(header: string, type: string): number {
  const ranges = header.toLowerCase().replace(QUOTED, '').split(',');
  const range = ranges.find((one) => one.split(';', 1)[0]?.trim() === type) ?? ';q=0';
  return Number(/;\s*q\s*=\s*([0-9.]+)/.exec(range)?.[1] ?? 1);
}
