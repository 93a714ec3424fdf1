import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { EdgeOptions } from '../../../dev/edge/start.ts';
import { type Guard, guardProcess } from '../../../dev/machine/guard.ts';

const MAIN = fileURLToPath(new URL('./edge-main.ts', import.meta.url));
const STOP_TIMEOUT_MS = 10_000;

/**
 * The edge as a process group of its own (Miniflare and its workerd), which can be killed and started again on the
 * same port with the same storage.
 */
export class EdgeProcess {
  readonly #options: Omit<EdgeOptions, 'onLog'>;
  readonly #onLog: (line: string) => void;
  #child: ChildProcess | undefined;
  #guard: Guard | undefined;
  #url = '';

  constructor({ onLog, ...options }: EdgeOptions) {
    this.#options = options;
    this.#onLog = onLog;
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, and waits until it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [MAIN], { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    await once(child, 'spawn');
    // A negative id names the group: workerd must not outlive this process either.
    this.#guard = guardProcess(-this.pid);
    child.stdin.write(`${JSON.stringify(this.#options)}\n`);
    this.#url = await new Promise<string>((resolve, reject) => {
      child.once('exit', (code) =>
        reject(new Error(`the edge ended at its start (${code ?? 'by a signal'})`)),
      );
      createInterface(child.stdout).on('line', (line) => {
        const url = /^\{"url":"(http[^"]*)"\}$/.exec(line)?.[1];
        if (url === undefined) this.#onLog(line);
        else resolve(url);
      });
    });
  }

  /** Megabytes of memory that its processes use. */
  async memory(): Promise<number> {
    const names = await readdir('/proc');
    const sizes = await Promise.all(
      names.filter((name) => /^[0-9]+$/.test(name)).map((id) => this.#memoryOf(id)),
    );
    return sizes.reduce((sum, size) => sum + size, 0) / 1_024;
  }

  /** Kilobytes of one process if it belongs to the group, otherwise 0. */
  async #memoryOf(id: string): Promise<number> {
    try {
      const stat = await readFile(`/proc/${id}/stat`, 'utf8');
      // State, parent and group follow the name, which is in brackets and may contain anything.
      const group = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2];
      if (Number(group) !== this.pid) return 0;
      const status = await readFile(`/proc/${id}/status`, 'utf8');
      return Number(/^VmRSS:\s+([0-9]+)/m.exec(status)?.[1] ?? 0);
    } catch {
      // The process has ended since it was listed.
      return 0;
    }
  }

  /** Sends a signal to the whole group; for SIGKILL, waits for the end. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    process.kill(-this.pid, signal);
    if (signal !== 'SIGKILL') return;
    await exited;
    this.#guard?.release();
  }

  /** Starts it again with the same options. */
  async restart(): Promise<void> {
    await this.kill('SIGKILL');
    await this.start();
  }

  /** Stops it gracefully, or kills it when that takes too long. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    await this.kill('SIGCONT');
    child.kill('SIGTERM');
    const timer = setTimeout(() => void this.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
    // Kills the rest of the group if the leader ended first.
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // The group has no process left.
    }
    this.#guard?.release();
  }
}
