import { describeThrown } from '../../shared/errors.ts';
import { startTimer, type Timer } from '../../shared/timers.ts';
import type { FolderChanges } from './folder-changes.ts';
import type { WorkerProcess } from './start.ts';

/** An editor writes a file in several steps. They count as one change. */
const SETTLE_MS = 100;

interface ReloadOptions {
  /** The worker that runs now. */
  readonly worker: WorkerProcess;
  readonly startWorker: () => Promise<WorkerProcess>;
  /** The changes of the operations; undefined: nothing is watched. */
  readonly changes: Pick<FolderChanges, 'next'> | undefined;
  readonly say: (sentence: string) => void;
}

/**
 * A worker that is replaced when its operations change. The new worker takes jobs before the old one stops, and the old one
 * ends the jobs that it runs. If the new one does not start, the old one goes on. If a worker ends by itself, the next change
 * of a file starts another.
 */
export class ReloadedWorker {
  readonly #options: ReloadOptions;
  readonly #watching = new AbortController();
  readonly #ended = Promise.withResolvers<number | null>();
  #worker: WorkerProcess;
  /** Whether the worker has ended without being replaced. */
  #isLost = false;
  #settling: Timer | undefined;
  #replacing = Promise.resolve();

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#worker = options.worker;
    this.#follow(options.worker);
    if (options.changes !== undefined) void this.#watch(options.changes);
  }

  /**
   * Resolves when a worker ends that was not replaced, and whose operations are not watched: with its exit code, or null when a
   * signal ended it.
   */
  get ended(): Promise<number | null> {
    return this.#ended.promise;
  }

  /** Watches no longer. The worker runs on. */
  stop(): void {
    this.#watching.abort();
    this.#settling?.stop();
  }

  #follow(worker: WorkerProcess): void {
    void worker.exited.then((code) => {
      if (worker === this.#worker) this.#lost(worker, code);
    });
  }

  /** An error that no code of an operation catches ends the worker. Its author is about to change the file. */
  #lost({ pid }: WorkerProcess, code: number | null): void {
    if (this.#options.changes === undefined) this.#ended.resolve(code);
    else if (!this.#watching.signal.aborted) {
      this.#isLost = true;
      this.#options.say(`worker ${pid} ended (${exitText(code)}), and jobs wait until a file changes`);
    }
  }

  async #watch(changes: Pick<FolderChanges, 'next'>): Promise<void> {
    const { signal } = this.#watching;
    try {
      for (;;) {
        await changes.next(signal);
        this.#replaceSoon();
      }
    } catch (thrown) {
      if (!signal.aborted)
        this.#options.say(`changes of operations are not seen any more: ${describeThrown(thrown)}`);
    }
  }

  /** One worker after the other is replaced. */
  #replaceSoon(): void {
    this.#settling ??= startTimer(SETTLE_MS, () => {
      this.#settling = undefined;
      this.#replacing = this.#replacing.then(() => this.#replace());
    });
  }

  async #replace(): Promise<void> {
    const { startWorker, say } = this.#options;
    if (this.#watching.signal.aborted) return;
    try {
      const next = await startWorker();
      const old = this.#worker;
      this.#worker = next;
      this.#follow(next);
      this.#isLost = false;
      say(`operations loaded again: worker ${next.pid} takes over from ${old.pid}`);
      await old.stop();
    } catch (thrown) {
      const then = this.#isLost ? 'jobs wait' : `worker ${this.#worker.pid} goes on`;
      say(`the changed operations do not start, so ${then} until a file changes: ${describeThrown(thrown)}`);
    }
  }
}

/** Says how a process ended. @param code its exit code, or null when a signal ended it */
export function exitText(code: number | null): string {
  return code === null ? 'by a signal' : `exit code ${code}`;
}
