import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type Figures, processorMs } from '../support/measure.ts';

/** Which jobs are done, and which of them are measured: from the first number to the second one. */
export interface QueueRun {
  readonly jobs: number;
  readonly from: number;
  readonly to: number;
  readonly concurrency: number;
  /** How long a job waits, in milliseconds; 0: it ends at once. */
  readonly napMs: number;
}

/** A program of `queue-program.ts` whose queue is full. */
export interface FullQueue {
  /** Does the jobs and measures. @param server the process id of the queue's server */
  readonly measure: (server: number) => Promise<Figures>;
  readonly kill: () => void;
}

/** Starts a program and waits until it has filled its queue. */
export async function startQueueProgram(file: string, run: QueueRun, more: object): Promise<FullQueue> {
  const worker = fork(file, [JSON.stringify({ ...run, ...more })]);
  await nextMessage(worker);
  return {
    measure: (server) => measure(worker, server, run),
    kill: () => void worker.kill('SIGKILL'),
  };
}

async function measure(worker: ChildProcess, server: number, { from, to }: QueueRun): Promise<Figures> {
  const used = (): number[] => [worker.pid ?? 0, server].map(processorMs);
  worker.send('work');
  await nextMessage(worker);
  const [began, before] = [performance.now(), used()];
  await nextMessage(worker);
  const seconds = (performance.now() - began) / 1_000;
  const jobs = to - from;
  const [workerUs = 0, serverUs = 0] = used().map((ms, part) => ((ms - (before[part] ?? 0)) / jobs) * 1e3);
  return { perSecond: jobs / seconds, workerUs, serverUs };
}

/** Waits for the next word of a program. @throws Error if it ends instead */
async function nextMessage(program: ChildProcess): Promise<void> {
  const ended = once(program, 'exit').then(([code]) => {
    throw new Error(`${program.spawnargs.at(-2)} ended with ${String(code)}`);
  });
  await Promise.race([once(program, 'message'), ended]);
}
