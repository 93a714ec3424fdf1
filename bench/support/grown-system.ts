import { fileURLToPath } from 'node:url';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Stack } from '../../dev/stack.ts';
import { bulkRoute } from '../../shared/wire/lanes.ts';
import { jobSubject } from '../../shared/wire/subjects.ts';
import { startQuietStack } from './stack.ts';
import { call, makeTenants, type Tenant } from './tenants.ts';

const OPERATIONS = fileURLToPath(new URL('../operations', import.meta.url));
const PARALLEL = 256;
/** Longer than any measurement. */
const NAP_MS = 3_600_000;
/** No quota and no limit of requests is reached. */
const UNLIMITED = {
  ...{ TENANT_REQUESTS_PER_SECOND: '1000000', TENANT_MAX_JOBS: '100000000' },
  EVENT_STREAMS_PER_TENANT: '100000',
};

/** A system that grows. Its one worker is busy with a job that does not end, so that all other jobs wait. */
export class GrownSystem {
  readonly stack: Stack;
  readonly tenants: readonly Tenant[];
  readonly #watching = new AbortController();
  readonly #open: Promise<unknown>[] = [];
  #published = 0;

  private constructor(stack: Stack, tenants: readonly Tenant[]) {
    this.stack = stack;
    this.tenants = tenants;
  }

  /** @param tenants how many tenants have a key */
  static async start(tenants: number): Promise<GrownSystem> {
    const names = Array.from({ length: tenants }, (_, n) => `tenant${n}`);
    const { all, API_KEYS } = await makeTenants(names);
    const stack = await startQuietStack({
      ...{ tracing: false, operationsFolder: OPERATIONS, edge: { API_KEYS, ...UNLIMITED } },
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

  /** Puts so many jobs of the first tenant into the queue, as a bridge would, until there are `count`. */
  async fillQueue(count: number): Promise<void> {
    const nats = await connect({ servers: this.stack.nats.url });
    const stream = jetstream(nats);
    const tenant = this.tenants[0]?.name ?? '';
    const body = JSON.stringify({ ms: NAP_MS });
    const publishNext = async (): Promise<void> => {
      while (this.#published < count) {
        const address = { tenant, jobId: `backlog-${this.#published++}`, operation: 'bench.nap' };
        await stream.publish(jobSubject(address, bulkRoute(address)), body, { msgID: address.jobId });
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, publishNext));
    await nats.close();
  }

  /** Opens event streams until there are `count`, each of a job of its own. */
  async watch(count: number): Promise<void> {
    while (this.#open.length < count) {
      const path = `/v1/jobs/${await this.submit(0)}/events`;
      const headers = { accept: 'text/event-stream' };
      const response = await call(
        this.stack,
        this.#tenant(0),
        path,
        undefined,
        headers,
        this.#watching.signal,
      );
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      this.#open.push(response.text().catch(() => ''));
    }
  }

  async stop(): Promise<void> {
    this.#watching.abort();
    await Promise.all(this.#open);
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
