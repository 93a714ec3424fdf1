/** Operations of `throughline conformance` that end in different ways (docs/PROTOCOL.md). */
import { defineOperation, reject, retryAfter } from 'throughline/worker';
import * as z from 'zod';

export const echo = defineOperation({
  name: 'conformance.echo',
  input: z.unknown(),
  run: ({ input }) => input,
});

export const fail = defineOperation({
  name: 'conformance.fail',
  input: z.object({ message: z.string().default('it failed') }),
  maxAttempts: 5,
  run: ({ input }) => retryAfter(100, input.message),
});

export const rejected = defineOperation({
  name: 'conformance.reject',
  input: z.unknown(),
  run: () => reject('it cannot be done'),
});

export const retried = defineOperation({
  name: 'conformance.retry',
  input: z.object({ failures: z.int() }),
  maxAttempts: 5,
  run: ({ input, job }) =>
    job.attempt <= input.failures ? retryAfter(100, 'not yet') : { attempt: job.attempt },
});

export const big = defineOperation({
  name: 'conformance.big',
  input: z.object({ bytes: z.int() }),
  run: ({ input }) => ({ text: 'x'.repeat(input.bytes) }),
});
