import fc from 'fast-check';
import { defineOperation } from 'throughline/worker';
import * as z from 'zod';
import { mistakes } from '../../support/authors-mistakes.ts';

const LONGEST_PAUSE_MS = 1_500;
const mistake = mistakes((delay) => (typeof delay === 'number' ? delay % LONGEST_PAUSE_MS : delay));

/** Makes a mistake that its seed chooses, and another one at each attempt. */
export default defineOperation({
  name: 'test.generated',
  input: z.object({ seed: z.int() }),
  maxAttempts: 3,
  retry: { minDelayMs: 10, maxDelayMs: 50 },
  run: (context) => {
    const { input, job } = context;
    const [make] = fc.sample(mistake, { seed: input.seed + job.attempt, numRuns: 1 });
    return make?.(context as Parameters<typeof make>[0]);
  },
});
