import { type Edge, startEdge } from '../../dev/edge/start.ts';
import type { Contestant } from '../suite/rounds.ts';
import { edgeBundle } from '../support/bundle.ts';
import { SHORT_JOB } from './caller.ts';
import type { DistantRequest } from './distant-request.ts';

/** Small Workers that publish a job, and nothing else. */
const WORKERS = [
  { name: 'minimal bridge, one connection', entry: 'bench/limits/minimal-bridge.ts' },
  { name: 'a connection for each request', entry: 'bench/limits/connection-per-request.ts' },
] as const;

/** A Worker that runs in a workerd of its own. */
interface FarWorker extends Pick<DistantRequest, 'prepare'>, Pick<Contestant, 'stop'> {
  readonly name: string;
}

/** Starts the Workers that are limits. @param natsUrl where they reach NATS */
export async function startFarWorkers(natsUrl: string): Promise<FarWorker[]> {
  const started: FarWorker[] = [];
  for (const { name, entry } of WORKERS) {
    const edge = await startEdge({
      bundle: await edgeBundle(entry),
      bindings: { NATS_URL: natsUrl, BRIDGE_SHARDS: '1' },
      port: 0,
      onLog: () => undefined,
    });
    started.push({ name, prepare: async () => ({ send: () => submit(edge) }), stop: () => edge.stop() });
  }
  return started;
}

async function submit({ url }: Edge): Promise<void> {
  const response = await fetch(`${url}/v1/jobs`, { method: 'POST', body: JSON.stringify(SHORT_JOB) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
}
