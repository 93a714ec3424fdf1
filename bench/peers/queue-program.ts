import { setTimeout as delay } from 'node:timers/promises';
import type { QueueRun } from './queue-run.ts';

/** What a worker program is told: the run, and what else it needs. */
export function readRun<More>(): QueueRun & More {
  return JSON.parse(process.argv[2] ?? '') as QueueRun & More;
}

/** What a worker program does. */
interface QueueWork {
  readonly fill: () => Promise<void>;
  /** Begins to work; it calls the given function for each job. */
  readonly work: (doOne: () => Promise<number>) => Promise<unknown>;
  /** How many spans have ended since the queue was full. */
  readonly spansEnded?: () => number;
}

/**
 * The life of a worker program: it fills its queue, says so, and works when it is told to. It says when the first and the last job
 * that are measured are done, says how many spans there were when it is asked, and ends with its parent.
 */
export async function serveQueue({ from, to, napMs }: QueueRun, queue: QueueWork): Promise<void> {
  await queue.fill();
  process.send?.({ filled: true });
  process.on('disconnect', () => process.exit(0));
  let done = 0;
  const doOne = async (): Promise<number> => {
    if (napMs > 0) await delay(napMs);
    done++;
    if (done === from || done === to) process.send?.({ done });
    return done;
  };
  process.on('message', (word) => {
    if (word === 'work') void queue.work(doOne);
    else process.send?.({ spans: queue.spansEnded?.() ?? 0 });
  });
}
