/** The requests about many jobs: which jobs, how many, and where to continue. */
import * as z from 'zod';
import { OperationName } from '../../../shared/api/operation.ts';
import {
  CANCEL_LIMIT,
  DEAD_LETTER_LIMITS,
  JOB_LIST_LIMITS,
  OUTBOX_LIST_LIMIT,
} from '../../../shared/api/page-limits.ts';
import { SCHEDULE_LIMITS } from '../../../shared/api/schedule.ts';
import { ofType, Tags } from '../../../shared/api/submit-job.ts';
import { JOB_STATES, OPEN_STATES } from '../../../shared/job/job-state.ts';
import { SEALED } from '../../calls/place-seal.ts';

const CURSOR_RULE = 'must be the cursor of the previous answer';
const EVENT_ID_RULE = 'must be the id of an event of this job';
const REASON_RULE = 'must be an error code of 1 to 64 characters';

/** What a cursor of `GET /v1/jobs` and `GET /v1/schedules` looks like. */
export const LIST_CURSOR = /^[A-Za-z0-9_-]{4,120}$/;

// These objects are strict: without the error, a caller would not notice a misspelt filter.

/** The tags of a query: `tag=night&tag=team:blue`. */
const QueryTags = Tags.optional();
const ListCursor = z.string(CURSOR_RULE).regex(LIST_CURSOR, CURSOR_RULE).optional();

/** Query of `GET /v1/jobs`. */
export const ListQuery = z.strictObject({
  state: z.enum(JOB_STATES, `must be one of ${JOB_STATES.join(', ')}`).optional(),
  operation: OperationName.optional(),
  tag: QueryTags,
  limit: pageLimit(JOB_LIST_LIMITS.page, JOB_LIST_LIMITS.defaultPage),
  cursor: ListCursor,
});

/** Body of `POST /v1/jobs/cancel`. */
export const CancelRequest = z.strictObject(
  {
    operation: OperationName.optional(),
    tags: Tags.optional(),
    state: z.enum(OPEN_STATES, `must be one of ${OPEN_STATES.join(', ')}`).optional(),
    limit: bodyLimit(CANCEL_LIMIT),
    cursor: ListCursor,
  },
  ofType('must be an object; {} means all jobs that have not ended'),
);

/** A place in a stream, as `PlaceSeal` writes it. */
const Sealed = z.string(CURSOR_RULE).regex(SEALED, CURSOR_RULE);

/** A header `Last-Event-ID`. A browser that has seen no event yet may send an empty one. */
export const LAST_EVENT_ID = new RegExp(`^$|${SEALED.source}`);

/** Query of `GET /v1/jobs/{id}/events`. */
export const EventsQuery = z.strictObject({
  after: z.string(EVENT_ID_RULE).regex(SEALED, EVENT_ID_RULE).optional(),
});

/** Query of `GET /v1/dead-letters`. */
export const DeadLetterQuery = z.strictObject({
  operation: OperationName.optional(),
  tag: QueryTags,
  limit: pageLimit(DEAD_LETTER_LIMITS.page, DEAD_LETTER_LIMITS.defaultPage),
  cursor: Sealed.optional(),
});

/** Query of `GET /v1/schedules`. */
export const SchedulesQuery = z.strictObject({
  limit: pageLimit(SCHEDULE_LIMITS.page, SCHEDULE_LIMITS.defaultPage),
  cursor: ListCursor,
});

/** Query of `GET /v1/outbox`. */
export const OutboxQuery = z.strictObject({ limit: pageLimit(OUTBOX_LIST_LIMIT, OUTBOX_LIST_LIMIT) });

/** Body of `POST /v1/dead-letters/redrive`. */
export const RedriveRequest = z.strictObject(
  {
    operation: OperationName.optional(),
    reason: z.string(REASON_RULE).min(1, REASON_RULE).max(64, REASON_RULE).optional(),
    tags: Tags.optional(),
    limit: bodyLimit(DEAD_LETTER_LIMITS.page),
    cursor: Sealed.optional(),
  },
  ofType('must be an object; {} means all dead letters'),
);

/** The `limit` of a body: a whole number from 1 to `max`, which is the default. */
function bodyLimit(max: number) {
  const message = `must be a whole number from 1 to ${max}`;
  return z.int(message).min(1, message).max(max, message).default(max);
}

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
