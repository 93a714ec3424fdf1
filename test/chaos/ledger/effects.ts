import { appendFileSync } from 'node:fs';
import { context, trace } from '@opentelemetry/api';
import type { RunContext } from 'throughline/worker';
import { SUITE } from '../../support/suite-settings.ts';

/** Leaves a line of an execution in the file `CHAOS_EFFECTS`, as the ledger reads it. */
export function noteEffect(job: RunContext<unknown>['job'], phase: 'begin' | 'end'): void {
  const traceId = trace.getSpanContext(context.active())?.traceId ?? '';
  const entry = { jobId: job.id, attempt: job.attempt, phase, at: Date.now(), pid: process.pid, traceId };
  appendFileSync(SUITE.CHAOS_EFFECTS, `${JSON.stringify(entry)}\n`);
}
