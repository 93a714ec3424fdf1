import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '../../dev/stack.ts';
import { call, type Tenant } from './tenants.ts';

/** So many jobs has a batch. */
const BATCH = 100;
/** Between two requests of one kind. */
const PAUSE_MS = 20;
const WATCHERS = 100;

/** A TCP port that accepts connections and never answers. */
export class SilentPort {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    });
  }

  static async open(): Promise<SilentPort> {
    const server = createServer();
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    return new SilentPort(server);
  }

  get origin(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/**
 * A tenant that does everything at once, again and again: batches, jobs with callbacks to a receiver that never answers, delayed
 * jobs, dead letters and their redrives, lists, and event streams.
 */
export class Noise {
  readonly #stack: Stack;
  readonly #tenant: Tenant;
  readonly #runMs: number;
  readonly #over = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  /** Answers by status, and by code if they are refusals. */
  readonly answers = new Map<string, number>();

  /** @param runMs how long a job takes */
  constructor(stack: Stack, tenant: Tenant, runMs: number) {
    this.#stack = stack;
    this.#tenant = tenant;
    this.#runMs = runMs;
  }

  /** @param silent where its callbacks go */
  start(silent: string): void {
    const nap = { operation: 'bench.nap', input: { ms: this.#runMs } };
    const batches = (job: object) => () =>
      this.#send('/v1/jobs/batch', { jobs: Array.from({ length: BATCH }, () => job) });
    this.#repeat(batches(nap));
    this.#repeat(batches({ ...nap, delay: '2s' }));
    this.#repeat(batches({ operation: 'bench.refuse', input: null }));
    this.#repeat(batches({ operation: 'echo', input: 1, callback: { url: silent } }));
    this.#repeat(() => this.#send('/v1/dead-letters/redrive', {}));
    this.#repeat(() => this.#send('/v1/jobs?limit=100'));
    for (let n = 0; n < WATCHERS; n++) this.#repeat(() => this.#watch());
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await Promise.allSettled(this.#running);
  }

  #repeat(act: () => Promise<unknown>): void {
    const run = async (): Promise<void> => {
      while (!this.#over.signal.aborted) {
        await act().catch(() => undefined);
        await delay(PAUSE_MS);
      }
    };
    this.#running.push(run());
  }

  async #send(path: string, body?: unknown): Promise<unknown> {
    const response = await call(this.#stack, this.#tenant, path, body);
    const answer = (await response.json()) as { readonly code?: string };
    this.#count(answer.code ?? String(response.status));
    return answer;
  }

  #count(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }

  /** Submits a job, and follows it to its end. */
  async #watch(): Promise<void> {
    const job = { operation: 'bench.nap', input: { ms: this.#runMs } };
    const { id } = (await this.#send('/v1/jobs', job)) as { id?: string };
    if (id === undefined) return;
    const path = `/v1/jobs/${id}/events`;
    const response = await fetch(`${this.#stack.url}${path}`, {
      headers: { authorization: `Bearer ${this.#tenant.key}`, accept: 'text/event-stream' },
      signal: this.#over.signal,
    });
    this.#count(`stream ${response.status}`);
    await response.text();
  }
}
