import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { defineOperation } from 'throughline/worker';
import * as z from 'zod';
import { noteEffect } from '../ledger/effects.ts';

const Input = z.object({
  /** How long it works. */
  ms: z.int().min(0).default(0),
  /** Whether it reports progress. */
  tell: z.boolean().default(false),
  /** How it misbehaves: as long as the file `gate` exists, or always without one. */
  mode: z.enum(['work', 'throw', 'throw-first', 'exit', 'block', 'fill-memory']).default('work'),
  gate: z.string().optional(),
  /** Makes the message larger. */
  ballast: z.string().optional(),
});

/** Work that writes a line to the file `CHAOS_EFFECTS` at the begin and at the end of each execution. */
export default defineOperation({
  name: 'chaos.work',
  input: Input,
  timeout: '120s',
  maxAttempts: 50,
  retry: { minDelayMs: 10, maxDelayMs: 200 },
  run: async ({ input, job, signal, progress }) => {
    noteEffect(job, 'begin');
    const misbehave = input.gate === undefined || existsSync(input.gate);
    if (input.mode === 'throw-first' && job.attempt === 1) throw new Error('thrown on purpose');
    if (misbehave && input.mode === 'throw') throw new Error('thrown on purpose');
    if (misbehave && input.mode === 'exit') process.kill(process.pid, 'SIGKILL');
    if (misbehave && input.mode === 'block') block(input.ms);
    if (misbehave && input.mode === 'fill-memory') fillMemory();
    if (input.ms > 0 && input.mode === 'work') {
      if (input.tell) progress({ fraction: 0.5 });
      await delay(input.ms, undefined, { signal });
      if (input.tell) progress({ fraction: 1 });
    }
    noteEffect(job, 'end');
    return { attempt: job.attempt };
  },
});

/** Blocks the event loop. */
function block(ms: number): void {
  const until = Date.now() + ms;
  while (Date.now() < until);
}

/** Uses memory until there is none. */
function fillMemory(): never {
  const taken: unknown[] = [];
  for (;;) taken.push(new Array(1e6).fill(taken.length));
}
