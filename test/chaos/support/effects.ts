import { appendFileSync } from 'node:fs';
import { context, trace } from '@opentelemetry/api';
import type { RunContext } from 'throughline/worker';

/** Leaves a line of an execution in the file `CHAOS_EFFECTS`, as the ledger reads it. */
export function noteEffect(job: RunContext<unknown>['job'], phase: 'begin' | 'end'): void {
  const traceId = trace.getSpanContext(context.active())?.traceId ?? '';
  const entry = { jobId: job.id, attempt: job.attempt, phase, at: Date.now(), pid: process.pid, traceId };
  appendFileSync(process.env.CHAOS_EFFECTS ?? '/dev/null', `${JSON.stringify(entry)}\n`);
}
