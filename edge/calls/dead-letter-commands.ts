/** The commands about dead letters that the edge sends to a bridge. All of them are plain data, as in commands.ts. */
import type { SpanContext } from '@opentelemetry/api';
import type { Job } from '../../shared/job/job.ts';
import type { JobCommand, LimitedCommand, TenantCommand } from './commands.ts';

export interface DeadLettersCommand extends TenantCommand {
  readonly operation: string | undefined;
  /** Only dead letters that have all of these tags. */
  readonly tags: readonly string[];
  readonly limit: number;
  /** The stream sequence at which to begin. */
  readonly from: number;
}

export interface RedriveCommand extends JobCommand, LimitedCommand {}

export interface RedriveManyCommand extends DeadLettersCommand, LimitedCommand {
  readonly reason: string | undefined;
  /** The last stream sequence to look at. Undefined means the last one that exists when the command arrives. */
  readonly to: number | undefined;
}

/** A job that was redriven, and the span that sent its new message, if there is one. */
export interface Redriven {
  readonly job: Job;
  readonly sentBy: Pick<SpanContext, 'traceId' | 'spanId' | 'traceFlags'> | undefined;
}

/**
 * How much longer the edge waits for one redrive than for other calls: a redrive asks NATS up to five times in a row, and each of
 * these requests has its own limit too.
 */
export const REDRIVE_BUDGET_MS = 4_000;
/** How long a bridge lists dead letters before it answers with the result so far. */
export const LIST_BUDGET_MS = 2_000;
/** The same for a redrive of many. */
export const REDRIVE_MANY_BUDGET_MS = 10_000;
