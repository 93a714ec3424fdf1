import { randomUUID } from 'node:crypto';
import type { Carrier } from '../shared/propagation/index.ts';
import { parseDuration } from '../shared/text/duration.ts';
import type { JobMessage } from '../shared/wire/job-message.ts';
import type { Operation } from '../worker-node/operations/operation.ts';

/** The job that an operation runs in a test. */
export interface JobOptions {
  /** The id of the job; random by default. */
  readonly jobId?: string;
  /** Whose job it is; `test` by default. */
  readonly tenant?: string;
  /** The time limit of one attempt that the caller asked for, such as `5s`; by default that of the operation. */
  readonly timeout?: string;
  /** The most attempts that the caller asked for; by default those of the operation. */
  readonly maxAttempts?: number;
  /** The trace of the caller; by default a new one. */
  readonly trace?: Carrier;
}

/** The message of a job in a test. @param options checked before */
export function testJob(operation: Operation, input: unknown, options: JobOptions, now: Date): JobMessage {
  const { jobId = randomUUID(), tenant = 'test', timeout, maxAttempts } = options;
  const timeoutMs = timeout === undefined ? undefined : parseDuration(timeout);
  return {
    address: { tenant, jobId, operation: operation.name },
    acceptedAt: now.toISOString(),
    spec: { timeoutMs, maxAttempts },
    input,
  };
}
