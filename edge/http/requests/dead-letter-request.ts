import * as z from 'zod';
import { DEAD_LETTER_LIMITS } from '../../../shared/api/dead-letter.ts';
import { OperationName } from '../../../shared/api/operation.ts';
import { parseRedriveCursor } from '../../calls/redrive-cursor.ts';
import { pageLimit } from './page-limit.ts';

const { page, defaultPage } = DEAD_LETTER_LIMITS;
const CURSOR = 'must be the cursor of the answer before';

/** Query of `GET /v1/dead-letters`. Unknown names are refused: a misspelt filter would be lost in silence. */
export const DeadLetterQuery = z.strictObject({
  operation: OperationName.optional(),
  limit: pageLimit(page, defaultPage),
  cursor: z
    .string()
    .regex(/^[0-9]{1,15}$/, CURSOR)
    .transform(Number)
    .default(1),
});

/** Body of `POST /v1/dead-letters/redrive`. */
export const RedriveRequest = z.strictObject({
  operation: OperationName.optional(),
  /** The code of an error. */
  reason: z.string().min(1).max(64).optional(),
  limit: z.int().min(1).max(page).default(page),
  cursor: z
    .string()
    .transform((text, context) => {
      const reach = parseRedriveCursor(text);
      if (reach !== undefined) return reach;
      context.addIssue({ code: 'custom', message: CURSOR });
      return z.NEVER;
    })
    .optional(),
});
