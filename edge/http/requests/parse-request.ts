import type * as z from 'zod';
import { ThroughlineError } from '../../../shared/errors.ts';
import { jsonPointer } from '../../../shared/text/json.ts';

const MAX_VIOLATIONS = 10;
const MAX_MESSAGE_LENGTH = 200;

/**
 * Reads what a caller sent, a body or a query, by its schema.
 * @throws ThroughlineError `request-invalid` with the places that are wrong
 */
export function parseRequest<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const violations = parsed.error.issues.slice(0, MAX_VIOLATIONS).map((issue) => ({
    path: jsonPointer(issue.path),
    // A list of what a caller made up is as long as the caller likes.
    message: issue.message.slice(0, MAX_MESSAGE_LENGTH),
  }));
  const summary = violations.map(({ path, message }) => `${path || 'the request'}: ${message}`).join('; ');
  throw new ThroughlineError('request-invalid', summary, { violations });
}
