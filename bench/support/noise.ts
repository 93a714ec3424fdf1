import { createServer, type Server, type Socket } from 'node:net';
import type { Stack } from '../../dev/stack.ts';
import { Loops } from './loops.ts';
import type { Tenant } from './tenants.ts';

/** How many jobs a batch has. */
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
 * Lets a tenant do everything at once, again and again: batches, jobs with callbacks to a receiver that never answers, delayed
 * jobs, dead letters and their redrives, lists, and event streams.
 * @param runMs how long a job takes
 * @param silent where its callbacks go
 */
export function makeNoise(stack: Stack, tenant: Tenant, runMs: number, silent: string): Loops {
  const loops = new Loops(stack, tenant, PAUSE_MS);
  const nap = { operation: 'bench.nap', input: { ms: runMs } };
  const batches = (job: object) => () =>
    loops.send('/v1/jobs/batch', { jobs: Array.from({ length: BATCH }, () => job) });
  loops.repeat(batches(nap));
  loops.repeat(batches({ ...nap, delay: '2s' }));
  loops.repeat(batches({ operation: 'bench.refuse', input: null }));
  loops.repeat(batches({ operation: 'echo', input: 1, callback: { url: silent } }));
  loops.repeat(() => loops.send('/v1/dead-letters/redrive', {}));
  loops.repeat(() => loops.send('/v1/jobs?limit=100'));
  loops.repeat(async () => {
    const { id } = (await loops.send('/v1/jobs', nap)) as { readonly id?: string };
    if (id !== undefined) await loops.follow(id);
  }, WATCHERS);
  return loops;
}
