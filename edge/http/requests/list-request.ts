import * as z from 'zod';
import { JOB_LIST_LIMITS } from '../../../shared/api/job-list.ts';
import { OperationName } from '../../../shared/api/operation.ts';
import { JOB_STATES } from '../../../shared/job/job.ts';
import { readCursor } from '../../calls/list-cursor.ts';
import { pageLimit } from './page-limit.ts';

/** Query of `GET /v1/jobs`. Unknown names are refused: a misspelt filter would be lost in silence. */
export const ListQuery = z.strictObject({
  state: z.enum(JOB_STATES, `must be one of ${JOB_STATES.join(', ')}`).optional(),
  operation: OperationName.optional(),
  limit: pageLimit(JOB_LIST_LIMITS.page, JOB_LIST_LIMITS.defaultPage),
  cursor: z
    .string()
    .transform((text, context) => {
      const place = readCursor(text);
      if (place !== undefined) return place;
      context.addIssue({ code: 'custom', message: 'must be the cursor of the answer before' });
      return z.NEVER;
    })
    .optional(),
});
