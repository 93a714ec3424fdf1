import { ANNOUNCEMENT_CASES } from './announcements.ts';
import { CALLBACK_CASES } from './callbacks.ts';
import type { WorkerCase } from './case.ts';
import { CONFLICT_CASES } from './conflicts.ts';
import { ENDING_CASES } from './endings.ts';
import { EVENT_CASES } from './events.ts';
import { JOB_CASES } from './jobs.ts';
import { LIMIT_CASES } from './limits.ts';
import { PROCESS_CASES } from './processes.ts';
import { QUEUE_CASES } from './queue.ts';
import { REDRIVE_CASES } from './redrive.ts';
import { SPAN_CASES } from './spans.ts';
import { START_CASES } from './starts.ts';
import { TRACE_CASES } from './trace.ts';

/** The cases for a worker, in the order of the report. Those that end the worker come last. */
export const WORKER_CASES: readonly WorkerCase[] = [
  ...ANNOUNCEMENT_CASES,
  ...JOB_CASES,
  ...EVENT_CASES,
  ...TRACE_CASES,
  ...SPAN_CASES,
  ...LIMIT_CASES,
  ...ENDING_CASES,
  ...CALLBACK_CASES,
  ...QUEUE_CASES,
  ...CONFLICT_CASES,
  ...REDRIVE_CASES,
  ...PROCESS_CASES,
  ...START_CASES,
];
