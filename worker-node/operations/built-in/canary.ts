import { context, propagation, TraceFlags, trace } from '@opentelemetry/api';
import * as z from 'zod';
import { FLAG_RANDOM, inject } from '../../../shared/propagation/index.ts';
import { CANARY_KEY, CANARY_OPERATION, SYNTHETIC } from '../../../shared/trace/canary.ts';
import { defineOperation } from '../operation.ts';
import { reject, retry } from '../outcome.ts';

const MOST_FAILURES = 5;

const Input = z.strictObject({
  /** How many attempts fail before one succeeds. */
  failures: z.int().min(0).max(MOST_FAILURES).default(0),
  /** Whether the job fails for good until it is redriven. */
  failUntilRedriven: z.boolean().default(false),
});

const Output = z.object({
  traceId: z.string(),
  spanId: z.string(),
  sampled: z.boolean(),
  /** Whether the trace id is still known to be random (W3C Trace Context Level 2, section 3.2.2.5.2). */
  random: z.boolean(),
  baggage: z.string().optional(),
  tracestate: z.string().optional(),
});

/**
 * The operation of the canary jobs that `throughline verify` sends. It calls nothing. It says which trace context arrived with
 * the job, and of baggage and `tracestate` only the entry that is the canary's own.
 */
export const canary = defineOperation({
  name: CANARY_OPERATION,
  description: 'Says which trace context it got, for `throughline verify`.',
  input: Input,
  output: Output,
  timeout: '10s',
  maxAttempts: MOST_FAILURES + 1,
  retry: { minDelayMs: 200, maxDelayMs: 1_000 },
  run: ({ input, job, log }) => {
    trace.getActiveSpan()?.setAttributes(SYNTHETIC);
    log.info('canary');
    if (input.failUntilRedriven && job.redriveCount === 0)
      return reject('the canary fails until it is redriven');
    if (job.attempt <= input.failures) return retry('the canary fails as it was asked to');
    return arrived();
  },
});

/** The trace context of this attempt. */
function arrived(): z.input<typeof Output> {
  const active = context.active();
  const span = trace.getSpanContext(active);
  return {
    traceId: span?.traceId ?? '',
    spanId: span?.spanId ?? '',
    sampled: ((span?.traceFlags ?? 0) & TraceFlags.SAMPLED) !== 0,
    // What the attempt would send on: the tracer's own context has lost this flag.
    random: (Number.parseInt(inject(active).traceparent?.slice(-2) ?? '', 16) & FLAG_RANDOM) !== 0,
    baggage: propagation.getBaggage(active)?.getEntry(CANARY_KEY)?.value,
    tracestate: span?.traceState?.get(CANARY_KEY),
  };
}
