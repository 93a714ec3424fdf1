import { setTimeout as delay } from 'node:timers/promises';
import type { QueueRun } from './queue-run.ts';

/** What a worker program is told: the run, and what else it needs. */
export function readRun<More>(): QueueRun & More {
  return JSON.parse(process.argv[2] ?? '') as QueueRun & More;
}

/**
 * The life of a worker program: it fills its queue, says so, and works when it is told to. It says when the first and the last job
 * that are measured are done, and ends with its parent.
 * @param work begins to work; it calls the given function for each job
 */
export async function serveQueue(
  { from, to, napMs }: QueueRun,
  fill: () => Promise<void>,
  work: (doOne: () => Promise<number>) => Promise<unknown>,
): Promise<void> {
  await fill();
  process.send?.({ filled: true });
  process.on('disconnect', () => process.exit(0));
  let done = 0;
  const doOne = async (): Promise<number> => {
    if (napMs > 0) await delay(napMs);
    done++;
    if (done === from || done === to) process.send?.({ done });
    return done;
  };
  process.once('message', () => void work(doOne));
}
