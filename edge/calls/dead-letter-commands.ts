/** What the edge asks of a bridge about dead letters. All of this is plain data, as in commands.ts. */
import type { SpanContext } from '@opentelemetry/api';
import type { Job } from '../../shared/job/job.ts';
import type { Carrier } from '../../shared/propagation/index.ts';

export interface DeadLettersCommand {
  readonly tenant: string;
  readonly operation: string | undefined;
  readonly limit: number;
  /** The sequence in the stream to begin at. */
  readonly from: number;
  readonly carrier: Carrier;
}

/** Asks about one dead letter, by its job's id. */
export interface DeadLetterCommand {
  readonly tenant: string;
  readonly jobId: string;
  readonly carrier: Carrier;
}

export interface RedriveManyCommand extends DeadLettersCommand {
  readonly reason: string | undefined;
  /** The last sequence to look at; undefined: the last one that exists when the command arrives. */
  readonly to: number | undefined;
}

/** A job that was redriven, and the span that sent it, if there is one. */
export interface Redriven {
  readonly job: Job;
  readonly sentBy: Pick<SpanContext, 'traceId' | 'spanId' | 'traceFlags'> | undefined;
}

/** The time for one redrive, which asks the broker five times in a row. Each of the five requests has a time limit too. */
export const REDRIVE_BUDGET_MS = 4_000;
/** How long a bridge reads dead letters, or redrives them, before it answers with what it has. */
export const LIST_BUDGET_MS = 2_000;
export const REDRIVE_MANY_BUDGET_MS = 10_000;
