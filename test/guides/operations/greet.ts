import { defineOperation, retryAfter } from 'throughline/worker';
import * as z from 'zod';

export const greet = defineOperation({
  name: 'greet',
  input: z.object({ name: z.string() }),
  output: z.object({ greeting: z.string() }),
  maxAttempts: 3,
  run: async ({ input, job, progress, log }) => {
    if (input.name === 'busy' && job.attempt === 1) return retryAfter(60_000, 'nobody is in');
    progress({ fraction: 0.5, message: 'knocked' });
    log.info({ name: input.name }, 'greeted');
    return { greeting: `hello ${input.name}` };
  },
});
