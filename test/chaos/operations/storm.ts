import { existsSync } from 'node:fs';
import { defineOperation } from 'throughline/worker';
import * as z from 'zod';
import { noteEffect } from '../ledger/effects.ts';

/** Work that fails until the file `calm` exists, with the pauses that an operator would set. */
export default defineOperation({
  name: 'chaos.storm',
  input: z.object({ calm: z.string() }),
  timeout: '10s',
  maxAttempts: 50,
  retry: { minDelayMs: 100, maxDelayMs: 10_000 },
  run: async ({ input, job }) => {
    noteEffect(job, 'begin');
    if (!existsSync(input.calm)) throw new Error('not yet');
    noteEffect(job, 'end');
    return { attempt: job.attempt };
  },
});
