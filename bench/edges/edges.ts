import { fileURLToPath } from 'node:url';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type Edge, startEdge } from '../../dev/edge/start.ts';
import type { Stack } from '../../dev/stack.ts';
import type { Kind } from '../suite/table.ts';
import { edgeBundle } from '../support/bundle.ts';
import { type OtlpSink, startOtlpSink } from '../support/otlp-sink.ts';
import { startQuietStack } from '../support/stack.ts';
import { call, makeTenants, type Tenant } from '../support/tenants.ts';
import { UNLIMITED } from './unlimited.ts';
import { withWorkerd } from './workerd.ts';

const OPERATIONS = fileURLToPath(new URL('../operations', import.meta.url));
/** Longer than any measurement. */
const NAP_MS = 3_600_000;

/** Which edge is started. */
export interface EdgeKind {
  readonly name: string;
  readonly kind: Kind;
  /** The program of a limit, relative to the project; undefined: ours. */
  readonly entry?: string;
  /** How many objects share the jobs; undefined: it publishes none. */
  readonly shards?: number;
  readonly traced?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
}

/** An edge that takes jobs in a workerd of its own. */
export interface RunningEdge extends EdgeKind {
  readonly url: string;
  readonly workerd: number;
}

interface Parts {
  readonly stack: Stack;
  readonly sink: OtlpSink;
  readonly nats: NatsConnection;
  /** Sends the jobs. */
  readonly tenant: Tenant;
  readonly API_KEYS: string;
}

/** Edges that are compared. They publish to the same NATS. */
export class Edges {
  readonly #parts: Parts;
  readonly #started: Edge[] = [];
  readonly #all: RunningEdge[] = [];

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Starts the edges. A worker announces the operation, and is busy with one job as long as they run: it takes no processor time
   * from them, and their jobs stay in the queue.
   */
  static async start(kinds: readonly EdgeKind[]): Promise<Edges> {
    // All at once: each takes seconds.
    await Promise.all(kinds.map(({ entry }) => edgeBundle(entry)));
    const { all, API_KEYS } = await makeTenants(['bench', 'napper']);
    const [tenant, napper] = all;
    if (tenant === undefined || napper === undefined) throw new Error('there are no tenants');
    const sink = await startOtlpSink();
    const stack = await startQuietStack({
      tracing: false,
      operationsFolder: OPERATIONS,
      edge: { API_KEYS, ...UNLIMITED },
      worker: { WORKER_CONCURRENCY: '1' },
    });
    const nats = await connect({ servers: stack.nats.url });
    const edges = new Edges({ stack, sink, nats, tenant, API_KEYS });
    try {
      await call(stack, napper, '/v1/jobs', { operation: 'bench.nap', input: { ms: NAP_MS } });
      for (const kind of kinds) await edges.#start(kind);
    } catch (thrown) {
      await edges.stop();
      throw thrown;
    }
    return edges;
  }

  get all(): readonly RunningEdge[] {
    return this.#all;
  }

  /** The key of the tenant that sends the jobs. */
  get key(): string {
    return this.#parts.tenant.key;
  }

  /** The process of nats-server. */
  get server(): number {
    return this.#parts.stack.nats.pid;
  }

  /** Removes the jobs from the queue, so that it has the same length for each measurement. */
  async emptyQueue(): Promise<void> {
    const { nats, tenant } = this.#parts;
    const { streams } = await jetstreamManager(nats, { checkAPI: false });
    await streams.purge('JOBS', { filter: `jobs.*.*.${tenant.name}.>` });
  }

  async stop(): Promise<void> {
    const { stack, sink, nats } = this.#parts;
    await stack.worker.kill('SIGKILL');
    await Promise.allSettled(this.#started.map((edge) => edge.stop()));
    await nats.close();
    await stack.stop();
    sink.stop();
  }

  async #start(kind: EdgeKind): Promise<void> {
    const { stack, sink, API_KEYS } = this.#parts;
    const bundle = await edgeBundle(kind.entry);
    const bindings = {
      NATS_URL: stack.nats.webSocketUrl,
      API_KEYS,
      ...UNLIMITED,
      BRIDGE_SHARDS: String(kind.shards ?? 1),
      ...kind.settings,
      ...(kind.traced === true ? { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url } : {}),
    };
    const { started, workerd } = await withWorkerd(() =>
      startEdge({ bundle, bindings, port: 0, onLog: () => undefined }),
    );
    this.#started.push(started);
    this.#all.push({ ...kind, url: started.url, workerd });
  }
}
