import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { processorMs, type WorkerFigures } from '../support/measure.ts';
import type { OtlpSink } from '../support/otlp-sink.ts';
import { countSpans } from '../support/span-count.ts';

/** Which jobs are done, and which of them are measured: from the first number to the second one. */
export interface QueueRun {
  readonly jobs: number;
  readonly from: number;
  readonly to: number;
  readonly concurrency: number;
  /** How long a job waits, in milliseconds; 0: it ends at once. */
  readonly napMs: number;
}

/** The input of each job, for ours and for the peers. */
export function inputOf({ napMs, from, to }: QueueRun) {
  return { ms: napMs, from, to };
}

/** A program of `queue-program.ts` whose queue is full. */
interface FullQueue {
  /**
   * Does the jobs and measures.
   * @param server the process id of the queue's server
   * @param sink where its spans go; undefined: it has none
   */
  readonly measure: (server: number, sink?: OtlpSink) => Promise<WorkerFigures>;
  readonly kill: () => void;
}

/** Starts a program and waits until it has filled its queue. */
export async function startQueueProgram(file: string, run: QueueRun, more: object): Promise<FullQueue> {
  const worker = fork(file, [JSON.stringify({ ...run, ...more })]);
  await nextMessage(worker);
  const measure = async (server: number): Promise<WorkerFigures> => {
    worker.send('work');
    await nextMessage(worker);
    return await measureFromHere([worker.pid ?? 0, server], run, nextMessage(worker));
  };
  /** How many spans the program has ended, also those that it could not send. */
  const spansEnded = async (): Promise<number> => {
    worker.send('spans');
    const { spans } = (await nextMessage(worker)) as { readonly spans: number };
    return spans;
  };
  return {
    measure: (server, sink) =>
      sink === undefined
        ? measure(server)
        : countSpans(
            sink,
            run.jobs,
            () => measure(server),
            async (got) => (await spansEnded()) - got,
          ),
    kill: () => void worker.kill('SIGKILL'),
  };
}

/**
 * Measures until the last job that counts is done. The first one is done now.
 * @param pids the worker and the server of the queue
 * @param last resolves when the last one is done
 */
export async function measureFromHere(
  pids: readonly [worker: number, server: number],
  { from, to }: QueueRun,
  last: Promise<unknown>,
): Promise<WorkerFigures> {
  const used = (): number[] => pids.map(processorMs);
  const [began, before] = [performance.now(), used()];
  await last;
  const seconds = (performance.now() - began) / 1_000;
  const jobs = to - from;
  const [workerUs = 0, serverUs = 0] = used().map((ms, part) => ((ms - (before[part] ?? 0)) / jobs) * 1e3);
  return { perSecond: jobs / seconds, workerUs, serverUs };
}

/** Waits for the next word of a program. @throws Error if it ends instead */
async function nextMessage(program: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const ended = once(program, 'exit', over).then(([code]) => {
    throw new Error(`${program.spawnargs.at(-2)} ended with ${String(code)}`);
  });
  try {
    const [message] = (await Promise.race([once(program, 'message', over), ended])) as [unknown];
    return message;
  } finally {
    ended.catch(() => undefined);
    over.abort();
  }
}
