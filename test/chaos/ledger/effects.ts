import { appendFileSync } from 'node:fs';
import { context, trace } from '@opentelemetry/api';
import type { RunContext } from 'throughline/worker';
import { SUITE } from '../../support/suite-settings.ts';

/** Writes a line about an execution to the file `CHAOS_EFFECTS`, for the ledger. */
export function noteEffect(job: RunContext<unknown>['job'], phase: 'begin' | 'end'): void {
  const traceId = trace.getSpanContext(context.active())?.traceId ?? '';
  const entry = { jobId: job.id, attempt: job.attempt, phase, at: Date.now(), pid: process.pid, traceId };
  appendFileSync(SUITE.CHAOS_EFFECTS, `${JSON.stringify(entry)}\n`);
}
