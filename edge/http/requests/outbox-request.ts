import * as z from 'zod';
import { OUTBOX_LIST_LIMIT } from '../../../shared/api/outbox.ts';
import { pageLimit } from './page-limit.ts';

/** Query of `GET /v1/outbox`. */
export const OutboxQuery = z.strictObject({ limit: pageLimit(OUTBOX_LIST_LIMIT, OUTBOX_LIST_LIMIT) });
