import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { WatchOrders } from './watch-thread.ts';

/** How often the event loop says that it runs. */
const BEAT_MS = 200;

/** The code of the thread. It ends as this file does: in `.ts` in the tree, and in `.js` in a package. */
const THREAD = new URL(`./watch-thread${path.extname(import.meta.url)}`, import.meta.url);

/** What a watch has to know. */
export interface LoopWatchOptions {
  /** For the log lines of the watch. */
  readonly service: string;
  /** The log says where the event loop is blocked after so many milliseconds. */
  readonly tellAfterMs: number;
  /** The process is ended when its event loop is blocked for so many milliseconds: no running attempt can end well then. */
  readonly endAfterMs: number;
}

/**
 * Watches from a thread of its own whether the event loop runs. While code of an operation runs without a pause, nothing
 * else does: no time limit, no keep-alive, no health check, no signal. The thread says where the code is. In the end it ends
 * the process, so that a supervisor can start it again, and the job spends its attempts.
 */
export class LoopWatch {
  readonly #thread: Worker;

  private constructor(thread: Worker) {
    this.#thread = thread;
  }

  /** Starts to watch. It keeps no process alive. */
  static start({ service, tellAfterMs, endAfterMs }: LoopWatchOptions): LoopWatch {
    const beats = new Int32Array(new SharedArrayBuffer(4));
    const workerData: WatchOrders = { service, beats, tellAfterMs, endAfterMs };
    const thread = new Worker(THREAD, { workerData });
    thread.unref();
    setInterval(() => Atomics.add(beats, 0, 1), BEAT_MS).unref();
    return new LoopWatch(thread);
  }

  async stop(): Promise<void> {
    await this.#thread.terminate();
  }
}
