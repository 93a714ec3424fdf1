import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { NUMBER } from './watch-numbers.ts';
import type { WatchOrders } from './watch-thread.ts';

/** How often the event loop says that it runs. */
const BEAT_MS = 200;

/** The code of the thread. It ends as this file does: in `.ts` in the tree, and in `.js` in a package. */
const THREAD = new URL(`./watch-thread${path.extname(import.meta.url)}`, import.meta.url);

/** What a watch has to know. */
interface LoopWatchOptions {
  /** For the log lines of the watch. */
  readonly service: string;
  /** The log says where the event loop is blocked after so many milliseconds. */
  readonly tellAfterMs: number;
  /** The process is ended when its event loop is blocked for so many milliseconds while operations are loaded. */
  readonly endLoadingAfterMs: number;
  /** The folder of the operations that are loaded first; undefined: there is none. */
  readonly folder: string | undefined;
}

/**
 * Watches from a thread of its own whether the event loop runs. While code of an operation runs without a pause, nothing
 * else does: no time limit, no keep-alive, no health check, no signal. The same holds while the files of operations are loaded,
 * since their code runs then. The thread says where the code is. In the end it ends the process, so that a supervisor can start it
 * again, and the job spends its attempts.
 */
export class LoopWatch {
  readonly #thread: Worker;
  readonly #shared: Int32Array;

  private constructor(thread: Worker, shared: Int32Array) {
    this.#thread = thread;
    this.#shared = shared;
  }

  /** Starts to watch. It keeps no process alive. */
  static start(options: LoopWatchOptions): LoopWatch {
    const shared = new Int32Array(new SharedArrayBuffer(4 * Object.keys(NUMBER).length));
    const workerData: WatchOrders = { ...options, shared };
    const thread = new Worker(THREAD, { workerData });
    thread.unref();
    setInterval(() => Atomics.add(shared, NUMBER.beats, 1), BEAT_MS).unref();
    return new LoopWatch(thread, shared);
  }

  /**
   * The operations are loaded, and jobs run from here on.
   * @param endAfterMs the process is ended when its event loop is blocked for so long: no running attempt can end well then
   */
  loaded(endAfterMs: number): void {
    Atomics.store(this.#shared, NUMBER.endAfterMs, Math.min(endAfterMs, 2 ** 31 - 1));
  }

  async stop(): Promise<void> {
    await this.#thread.terminate();
  }
}
