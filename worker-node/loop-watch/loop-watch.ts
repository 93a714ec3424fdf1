import { Worker } from 'node:worker_threads';
import type { WatchOrders } from './watch-thread.ts';

/** How often the event loop says that it runs. */
const BEAT_MS = 200;

/** What a watch has to know. */
export interface LoopWatchOptions {
  /** For the log lines of the watch. */
  readonly service: string;
  /** The log says where the event loop is blocked after so many milliseconds. */
  readonly tellAfterMs: number;
}

/**
 * Watches from a thread of its own whether the event loop runs. While code of an operation runs without a pause, nothing
 * else does: no time limit, no keep-alive, no health check, no signal. The thread says where the code is. After
 * {@link LoopWatch.endAfter} it ends the process, so that a supervisor can start it again, and the job spends its attempts.
 */
export class LoopWatch {
  readonly #thread: Worker;
  readonly #limits: Int32Array;

  private constructor(thread: Worker, limits: Int32Array) {
    this.#thread = thread;
    this.#limits = limits;
  }

  /** Starts to watch. It keeps no process alive. */
  static start({ service, tellAfterMs }: LoopWatchOptions): LoopWatch {
    const beats = new Int32Array(new SharedArrayBuffer(4));
    const limits = new Int32Array(new SharedArrayBuffer(8));
    limits[0] = tellAfterMs;
    const workerData: WatchOrders = { service, beats, limits };
    const thread = new Worker(new URL('./watch-thread.ts', import.meta.url), { workerData });
    thread.unref();
    setInterval(() => Atomics.add(beats, 0, 1), BEAT_MS).unref();
    return new LoopWatch(thread, limits);
  }

  /**
   * From now on the process is ended when its event loop is blocked for so many milliseconds. No attempt that still runs
   * can end well then.
   */
  endAfter(ms: number): void {
    Atomics.store(this.#limits, 1, Math.min(ms, 2 ** 31 - 1));
  }

  async stop(): Promise<void> {
    await this.#thread.terminate();
  }
}
