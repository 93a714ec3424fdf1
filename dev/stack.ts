import { type Collector, startCollector } from './collector/start.ts';
import { untilReady } from './edge/ready.ts';
import { RestartableEdge } from './edge/restartable.ts';
import { stackIdentity } from './identity.ts';
import { leaveOutThisMachine } from './machine/environment.ts';
import { lockFolder } from './machine/folder-lock.ts';
import type { NatsServer } from './nats-server/start.ts';
import type { StackOptions } from './stack-options.ts';
import { StackParts } from './stack-parts.ts';
import { allSettled, Teardown } from './teardown.ts';
import type { WorkerProcess } from './worker/start.ts';

/** Everything on one machine: nats-server, the edge in workerd, a worker, and a trace collector. */
export interface Stack {
  readonly url: string;
  readonly apiKey: string;
  /** The secret with which the workers sign the callbacks of the tenant that the API key is for; empty if they have none. */
  readonly callbackSecret: string;
  readonly nats: NatsServer;
  readonly collector: Collector;
  /** The inspector of the edge, when one was asked for. */
  readonly inspectorUrl: string | undefined;
  readonly stopEdge: () => Promise<void>;
  readonly worker: WorkerProcess;
  /** Ends the edge, and starts it again with the same address and storage. */
  readonly restartEdge: () => Promise<void>;
  /** Starts one more worker. */
  readonly addWorker: (environment?: Readonly<Record<string, string>>) => Promise<WorkerProcess>;
  /** Stops everything, the edge first. Safe to repeat. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts everything and waits until a job can be submitted.
 * @throws ThroughlineError that names the part that did not start; everything else is stopped then
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  leaveOutThisMachine();
  const teardown = new Teardown(options.onStep);
  try {
    return await start(options, teardown);
  } catch (thrown) {
    await teardown.run();
    throw thrown;
  }
}

async function start(options: StackOptions, teardown: Teardown): Promise<Stack> {
  if (options.persistIn !== undefined)
    teardown.add(options.persistIn, await lockFolder(options.persistIn), 'release');
  const collector = await startCollector({ port: options.ports.otlp });
  teardown.add('the trace collector', () => collector.close());
  const identity = await stackIdentity(options.persistIn);
  const parts = new StackParts(options, { teardown, identity, otlpUrl: collector.otlpUrl });
  const [starting, bundling] = [parts.startNats(), parts.bundle()];
  const addWorker: Stack['addWorker'] = async (environment = {}) =>
    parts.startWorker(await starting, environment);
  const edge = new RestartableEdge(async (port) => parts.startEdge(await starting, await bundling, port));
  // The worker needs no bundle: it starts while the edge is built.
  const [nats, worker, { url, inspectorUrl }] = await allSettled([
    starting,
    addWorker(),
    allSettled([starting, bundling]).then(() => edge.start(options.ports.http)),
  ]).finally(() => {
    // Added last, so that the edge stops before the workers, whichever of them started first.
    if (edge.started) teardown.add('the edge', () => edge.stop());
  });
  await untilReady(url);
  teardown.tellReady(`edge at ${url}`);
  return {
    url,
    inspectorUrl,
    nats,
    collector,
    worker,
    addWorker,
    apiKey: identity.apiKey,
    callbackSecret: await parts.callbackSecret(),
    restartEdge: () => edge.restart(),
    stopEdge: () => edge.stop(),
    stop: () => teardown.run(),
  };
}
