import { setTimeout as delay } from 'node:timers/promises';
import { defineOperation } from 'throughline/worker';
import * as z from 'zod';

/** Takes a given time, and no CPU. With the usual time limit, a worker that is to be busy would soon be free. */
export default defineOperation({
  name: 'bench.nap',
  input: z.object({ ms: z.int().min(0) }),
  timeout: '24h',
  run: async ({ input, signal }) => {
    await delay(input.ms, undefined, { signal });
    return null;
  },
});
