import {
  startWorkerProcess,
  type WorkerProcess,
  type WorkerProcessOptions,
} from '../../../dev/worker/start.ts';
import { until } from '../../support/poll.ts';

const RESTART_PAUSE_MS = 200;

/** How a worker ended although nobody had stopped it. */
interface WorkerExit {
  readonly pid: number;
  readonly code: number | null;
}

/** Worker hosts under a supervisor, which starts each again when it ends. */
export class WorkerPool {
  readonly #options: WorkerProcessOptions;
  readonly #onExit: (exit: WorkerExit) => void;
  readonly #slots: (WorkerProcess | undefined)[] = [];
  readonly #supervised: Promise<void>[] = [];
  /** More settings for the workers that are started from now on. */
  environment: Readonly<Record<string, string>> = {};
  #ending = false;
  #down = false;
  readonly #expected = new Set<number>();

  constructor(options: WorkerProcessOptions, onExit: (exit: WorkerExit) => void) {
    this.#options = options;
    this.#onExit = onExit;
  }

  /** The workers that run. */
  get workers(): readonly WorkerProcess[] {
    return this.#slots.filter((worker) => worker !== undefined);
  }

  async start(count: number): Promise<void> {
    for (let slot = this.#slots.length, last = slot + count; slot < last; slot++) {
      this.#slots.push(undefined);
      await this.#launch(slot);
    }
  }

  /** The end of this worker is not reported. */
  expect(worker: WorkerProcess): void {
    this.#expected.add(worker.pid);
  }

  /** Resolves when every worker runs. */
  async full(timeoutMs = 60_000): Promise<void> {
    await until('every worker to run', () => this.workers.length === this.#slots.length, timeoutMs);
  }

  /** Stops one worker after the other gracefully (SIGTERM), and starts another for each. */
  async roll(): Promise<void> {
    for (const worker of this.workers) {
      this.expect(worker);
      await worker.stop();
      await this.full();
    }
  }

  /** Kills all workers, and starts none until {@link up}. */
  async down(): Promise<void> {
    this.#down = true;
    for (const worker of this.workers) this.expect(worker);
    await Promise.all(this.workers.map((worker) => worker.kill('SIGKILL')));
  }

  async up(): Promise<void> {
    this.#down = false;
    await this.full();
  }

  async stop(): Promise<void> {
    this.#ending = true;
    await Promise.all(
      this.workers.map(async (worker) => {
        await worker.kill('SIGCONT');
        await worker.stop();
      }),
    );
    await Promise.all(this.#supervised);
    // A worker that was being started at that time.
    await Promise.all(this.workers.map((worker) => worker.kill('SIGKILL')));
  }

  async #launch(slot: number): Promise<void> {
    const { environment } = this.#options;
    const worker = await startWorkerProcess({
      ...this.#options,
      environment: { ...environment, WORKER_NAME: `slot-${slot}`, ...this.environment },
    });
    // The pool stopped the workers that it had, and waits for this one too.
    if (this.#ending) await worker.kill('SIGKILL');
    this.#slots[slot] = worker;
    this.#supervised[slot] = worker.exited.then((code) => this.#supervise(slot, worker, code));
  }

  async #supervise(slot: number, worker: WorkerProcess, code: number | null): Promise<void> {
    this.#slots[slot] = undefined;
    if (this.#ending) return;
    if (!this.#expected.has(worker.pid)) this.#onExit({ pid: worker.pid, code });
    while (!this.#ending) {
      await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE_MS));
      if (this.#down) continue;
      try {
        // It does not start while the broker is away; a supervisor tries again.
        await this.#launch(slot);
        return;
      } catch {}
    }
  }
}
