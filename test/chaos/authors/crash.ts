import { setTimeout as delay } from 'node:timers/promises';
import { defineOperation } from 'throughline/worker';
import * as z from 'zod';

/** Leaves errors behind, in a promise and in a timer by turns, after it has done its work. */
export default defineOperation({
  name: 'crash.author',
  input: z.object({ ms: z.int().default(0), errors: z.int().default(0) }),
  maxAttempts: 3,
  run: async ({ input, job, signal }) => {
    for (let left = 0; left < input.errors; left++) {
      const fail = (): void => {
        throw new Error(`error ${left} that nobody handles`);
      };
      if (left % 2 === 0) setTimeout(fail, input.ms + 50 + 10 * left);
      else void delay(input.ms + 50 + 10 * left).then(fail);
    }
    await delay(input.ms, undefined, { signal });
    return { attempt: job.attempt };
  },
});
