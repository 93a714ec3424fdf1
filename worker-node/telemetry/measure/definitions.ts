/** All metrics of a worker. `npm run metrics` writes docs/METRICS.md from them. */
import { EXPORT_METRICS } from './definitions/exports.ts';
import { JOB_METRICS } from './definitions/jobs.ts';
import { MESSAGE_METRICS } from './definitions/messages.ts';
import { STATE_METRICS } from './definitions/state.ts';

export const WORKER_METRICS = { ...JOB_METRICS, ...MESSAGE_METRICS, ...STATE_METRICS, ...EXPORT_METRICS };
