import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';

/** How long a job takes, and the numbers of the jobs between which a worker is measured. */
export const CountedInput = z.object({ ms: z.int(), from: z.int(), to: z.int() });

/** How a line of standard error begins that says how many jobs were run. */
export const RUNS = 'bench runs: ';
let runs = 0;

/** Does one job, and says when the first and the last job that are measured are done, as the programs of the peers do. */
export async function runCounted({ ms, from, to }: z.infer<typeof CountedInput>): Promise<number> {
  if (ms > 0) await delay(ms);
  runs++;
  if (runs === from || runs === to) process.stderr.write(`${RUNS}${runs}\n`);
  return runs;
}
