/** The requests about many jobs: which jobs, how many, and where to continue. */
import * as z from 'zod';
import { DEAD_LETTER_LIMITS } from '../../../shared/api/dead-letter.ts';
import { JOB_LIST_LIMITS } from '../../../shared/api/job-list.ts';
import { OperationName } from '../../../shared/api/operation.ts';
import { OUTBOX_LIST_LIMIT } from '../../../shared/api/outbox.ts';
import { JOB_STATES } from '../../../shared/job/job.ts';
import { parseRedriveCursor, readCursor } from '../../calls/cursors.ts';

const BAD_CURSOR = 'must be the cursor of the previous answer';

// These objects are strict: without the error, a caller would not notice a misspelt filter.

/** Query of `GET /v1/jobs`. */
export const ListQuery = z.strictObject({
  state: z.enum(JOB_STATES, `must be one of ${JOB_STATES.join(', ')}`).optional(),
  operation: OperationName.optional(),
  limit: pageLimit(JOB_LIST_LIMITS.page, JOB_LIST_LIMITS.defaultPage),
  cursor: cursorRead(readCursor),
});

/** Query of `GET /v1/dead-letters`. */
export const DeadLetterQuery = z.strictObject({
  operation: OperationName.optional(),
  limit: pageLimit(DEAD_LETTER_LIMITS.page, DEAD_LETTER_LIMITS.defaultPage),
  cursor: z
    .string()
    .regex(/^[0-9]{1,15}$/, BAD_CURSOR)
    .transform(Number)
    .default(1),
});

/** Query of `GET /v1/outbox`. */
export const OutboxQuery = z.strictObject({ limit: pageLimit(OUTBOX_LIST_LIMIT, OUTBOX_LIST_LIMIT) });

/** Body of `POST /v1/dead-letters/redrive`. */
export const RedriveRequest = z.strictObject({
  operation: OperationName.optional(),
  reason: z.string().min(1).max(64).optional(),
  limit: z.int().min(1).max(DEAD_LETTER_LIMITS.page).default(DEAD_LETTER_LIMITS.page),
  cursor: cursorRead(parseRedriveCursor),
});

/** The `limit` of a query: a whole number from 1 to `max`. */
function pageLimit(max: number, fallback: number) {
  const message = `must be a whole number from 1 to ${max}`;
  return z
    .string(message)
    .regex(/^[0-9]{1,3}$/, message)
    .transform(Number)
    .pipe(z.int(message).min(1, message).max(max, message))
    .default(fallback);
}

/** An optional cursor. `read` gives undefined for a text that is not a cursor. */
function cursorRead<Cursor>(read: (text: string) => Cursor | undefined) {
  return z
    .string()
    .transform((text, context) => {
      const cursor = read(text);
      if (cursor !== undefined) return cursor;
      context.addIssue({ code: 'custom', message: BAD_CURSOR });
      return z.NEVER;
    })
    .optional();
}
