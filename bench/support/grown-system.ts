import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Stack } from '../../dev/stack.ts';
import type { UsageReport } from '../../shared/api/usage.ts';
import { UNLIMITED } from '../edges/unlimited.ts';
import { startStackOnDisk } from './stack.ts';
import { call, makeTenants, type Tenant } from './tenants.ts';
import { Watchers } from './watchers.ts';

const OPERATIONS = fileURLToPath(new URL('../operations', import.meta.url));
const BATCH = 100;
const PARALLEL = 4;
const POLL_MS = 200;
/** How often the edge is asked again for what it has refused. */
const MOST_PAUSES = 200;
/** Longer than any measurement. */
const NAP_MS = 3_600_000;

/** A system that grows. Its one worker is busy with a job that does not end, so that all other jobs wait. */
export class GrownSystem {
  readonly stack: Stack;
  readonly tenants: readonly Tenant[];
  #watchers: Watchers | undefined;
  #submitted = 0;

  private constructor(stack: Stack, tenants: readonly Tenant[]) {
    this.stack = stack;
    this.tenants = tenants;
  }

  /** @param tenants how many tenants have a key */
  static async start(tenants: number): Promise<GrownSystem> {
    const names = Array.from({ length: tenants }, (_, n) => `tenant${n}`);
    const { all, API_KEYS } = await makeTenants(names);
    const stack = await startStackOnDisk({
      tracing: false,
      operationsFolder: OPERATIONS,
      edge: { API_KEYS, ...UNLIMITED },
      worker: { WORKER_CONCURRENCY: '1', WORKER_STOP_TIMEOUT_MS: '0' },
    });
    const grown = new GrownSystem(stack, all);
    await grown.submit(0);
    return grown;
  }

  /** Submits a job of a tenant. @returns its id */
  async submit(tenant: number): Promise<string> {
    const job = { operation: 'bench.nap', input: { ms: NAP_MS } };
    const { id } = JSON.parse(await this.#send(tenant, '/v1/jobs', job)) as { readonly id: string };
    return id;
  }

  read(tenant: number, path: string): Promise<string> {
    return this.#send(tenant, path);
  }

  /** Submits jobs of the first tenant in batches until it has `count` that wait, and waits until the list has all of them. */
  async fillQueue(count: number): Promise<void> {
    const job = { operation: 'bench.nap', input: { ms: NAP_MS } };
    let pauses = 0;
    const send = async (): Promise<void> => {
      while (this.#submitted < count) {
        const jobs = Array<typeof job>(Math.min(BATCH, count - this.#submitted)).fill(job);
        this.#submitted += jobs.length;
        const { results } = JSON.parse(await this.#send(0, '/v1/jobs/batch', { jobs })) as {
          readonly results: readonly { readonly status: number }[];
        };
        // On a machine that is busy with other work, the edge refuses what it cannot store in time.
        const refused = results.filter(({ status }) => status !== 202).length;
        this.#submitted -= refused;
        if (refused === 0) continue;
        if (++pauses > MOST_PAUSES) throw new Error(`the edge refuses jobs: ${JSON.stringify(results[0])}`);
        await delay(POLL_MS);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, send));
    for (;;) {
      const { used } = JSON.parse(await this.read(0, '/v1/usage')) as UsageReport;
      const { complete } = JSON.parse(await this.read(0, '/v1/jobs?limit=1')) as {
        readonly complete: boolean;
      };
      if (complete && used.jobs >= count) return;
      await delay(POLL_MS);
    }
  }

  /** Opens event streams until there are `count`, each of a job of its own. */
  async watch(count: number): Promise<void> {
    this.#watchers ??= await Watchers.start(this.stack, this.#tenant(0));
    while (this.#watchers.count < count) await this.#watchers.add(await this.submit(0));
  }

  get isWatched(): boolean {
    return this.#watchers !== undefined;
  }

  /** How many events have come, over all event streams. */
  get received(): number {
    return this.#watchers?.received ?? 0;
  }

  async stop(): Promise<void> {
    await this.#watchers?.stop();
    await this.stack.worker.kill('SIGKILL');
    await this.stack.stop();
  }

  #tenant(number: number): Tenant {
    const tenant = this.tenants[number % this.tenants.length];
    if (tenant === undefined) throw new Error('there is no tenant');
    return tenant;
  }

  async #send(tenant: number, path: string, body?: unknown): Promise<string> {
    const response = await call(this.stack, this.#tenant(tenant), path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  }
}
