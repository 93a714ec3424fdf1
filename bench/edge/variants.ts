import { fileURLToPath } from 'node:url';
import { type EdgeOptions, startEdge } from '../../dev/edge/start.ts';
import { edgeBundle } from '../support/bundle.ts';
import { workerdPids } from '../support/measure.ts';
import { startOtlpSink } from '../support/otlp-sink.ts';
import { startQuietStack } from '../support/stack.ts';
import { call, makeTenants, type Tenant } from '../support/tenants.ts';

const OPERATIONS = fileURLToPath(new URL('../operations', import.meta.url));
const MINIMAL_BRIDGE = 'bench/limits/minimal-bridge.ts';
/** Longer than any measurement. */
const NAP_MS = 3_600_000;
/** No quota and no limit of requests is reached. */
const UNLIMITED = { TENANT_REQUESTS_PER_SECOND: '1000000', TENANT_MAX_JOBS: '100000000' };

/** An edge that takes jobs in a workerd of its own. */
export interface EdgeVariant {
  readonly name: string;
  readonly url: string;
  readonly workerd: number;
  /** Whether it is what the design allows at most, and not ours. */
  readonly isLimit: boolean;
}

/** The edges that are compared, which publish to the same NATS. */
export interface EdgeVariants {
  readonly all: readonly EdgeVariant[];
  readonly tenant: Tenant;
  /** The process of nats-server. */
  readonly server: number;
  readonly stop: () => Promise<void>;
}

/** Our edges, by what is set. */
const OURS = [
  { name: 'untraced, 1 shard', traced: false, shards: 1 },
  { name: 'traced, 1 shard', traced: true, shards: 1 },
  { name: 'untraced, 4 shards', traced: false, shards: 4 },
  { name: 'traced, 4 shards', traced: true, shards: 4 },
] as const;
/** The limits, by the number of objects. */
const LIMITS = [
  { name: 'minimal bridge', shards: 1 },
  { name: 'minimal bridge, 4 objects', shards: 4 },
] as const;

/**
 * Starts the limit and our edges. A worker announces the operation, and is busy with one job as long as it runs: it takes no
 * processor time from the edges, and their jobs stay in the queue.
 */
export async function startVariants(): Promise<EdgeVariants> {
  const [bundle, limit] = [await edgeBundle(), await edgeBundle(MINIMAL_BRIDGE)];
  const { all: tenants, API_KEYS } = await makeTenants(['bench']);
  const [tenant] = tenants;
  if (tenant === undefined) throw new Error('there is no tenant');
  const sink = await startOtlpSink();
  const stack = await startQuietStack({
    ...{ bundle, tracing: false, operationsFolder: OPERATIONS, edge: { API_KEYS, ...UNLIMITED } },
    worker: { WORKER_CONCURRENCY: '1' },
  });
  const stops = [() => stack.stop()];
  const start = async (
    name: string,
    isLimit: boolean,
    options: Pick<EdgeOptions, 'bundle' | 'bindings'>,
  ): Promise<EdgeVariant> => {
    const before = workerdPids();
    const edge = await startEdge({ ...options, port: 0, onLog: () => undefined });
    stops.unshift(() => edge.stop());
    const workerd = workerdPids().find((pid) => !before.includes(pid)) ?? 0;
    return { name, isLimit, url: edge.url, workerd };
  };
  const NATS_URL = stack.nats.webSocketUrl;
  const all: EdgeVariant[] = [];
  for (const { name, shards } of LIMITS)
    all.push(
      await start(name, true, { bundle: limit, bindings: { NATS_URL, BRIDGE_SHARDS: String(shards) } }),
    );
  for (const { name, traced, shards } of OURS) {
    const tracing = traced ? { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url } : {};
    const bindings = { NATS_URL, API_KEYS, ...UNLIMITED, BRIDGE_SHARDS: String(shards), ...tracing };
    all.push(await start(name, false, { bundle, bindings }));
  }
  await call(stack, tenant, '/v1/jobs', { operation: 'bench.nap', input: { ms: NAP_MS } });
  return {
    ...{ all, tenant, server: stack.nats.pid },
    stop: async () => {
      await stack.worker.kill('SIGKILL');
      for (const stop of stops) await stop();
      sink.stop();
    },
  };
}
