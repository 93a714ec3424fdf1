import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createApiKey, hashApiKey } from '../shared/api/api-key.ts';
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { createCallbackSecret } from '../shared/text/callback-secret.ts';
import { type Collector, startCollector } from './collector/start.ts';
import { buildEdge } from './edge/build.ts';
import { type Edge, type EdgeOptions, startEdge } from './edge/start.ts';
import { hostEnvironment } from './host-environment.ts';
import { locateNatsServer } from './nats-server/locate.ts';
import { type NatsServer, startNatsServer } from './nats-server/start.ts';
import { startWorkerProcess, type WorkerProcess } from './worker/start.ts';

const READY_TIMEOUT_MS = 20_000;
const READY_POLL_MS = 50;
const TENANT = 'demo';

/** Ports on 127.0.0.1; 0: a free one. */
export interface StackPorts {
  readonly http: number;
  readonly nats: number;
  readonly natsWebSocket: number;
  readonly otlp: number;
}

export interface StackOptions {
  readonly ports: StackPorts;
  readonly operationsFolder?: string | undefined;
  /** Prints spans on stderr too. */
  readonly debug?: boolean;
  /** More settings for the edge or the worker. */
  readonly edge?: Readonly<Record<string, string>>;
  readonly worker?: Readonly<Record<string, string>>;
  /** Limits the requests of a tenant. */
  readonly rateLimit?: EdgeOptions['rateLimit'];
  /** Where the edge keeps its Durable Objects' storage; undefined: in memory, gone with the edge. */
  readonly storageDir?: string | undefined;
  /** Without a collector nothing is traced. */
  readonly tracing?: boolean;
  /** The Worker's bundle; built when not given. */
  readonly scriptPath?: string | undefined;
  /** The nats-server to run; found or fetched when not given. */
  readonly natsServerPath?: string | undefined;
  /** A nats-server that runs already, and runs on; the settings must say how to get in. */
  readonly nats?: NatsServer;
  /** More configuration for nats-server, in its own language. */
  readonly natsConfig?: string;
  /** Opens an inspector of the edge. */
  readonly inspect?: boolean;
  /** Takes each log line of edge and worker. */
  readonly onLog: (line: string) => void;
  /** Takes a sentence about each step. */
  readonly onStep: (sentence: string) => void;
}

/** The whole path on one machine: nats-server, the edge in workerd, a worker, and a trace collector. */
export interface Stack {
  readonly url: string;
  readonly apiKey: string;
  /** What the workers sign callbacks with. */
  readonly callbackSecret: string;
  readonly nats: NatsServer;
  readonly collector: Collector;
  /** Of the edge, where one was asked for. */
  readonly inspectorUrl: string | undefined;
  readonly stopEdge: () => Promise<void>;
  readonly worker: WorkerProcess;
  /** Starts the edge again, with the same address and storage; ends the one that runs. */
  readonly restartEdge: () => Promise<void>;
  /** Starts one more worker. */
  readonly addWorker: (environment?: Readonly<Record<string, string>>) => Promise<WorkerProcess>;
  /** Ends all of it, the callers' side first; safe to repeat. */
  readonly stop: () => Promise<void>;
}

/** Undoes what was started, last first. */
class Teardown {
  readonly #steps: { readonly name: string; readonly undo: () => Promise<void> }[] = [];
  readonly #onStep: (sentence: string) => void;
  #done: Promise<void> | undefined;

  constructor(onStep: (sentence: string) => void) {
    this.#onStep = onStep;
  }

  add(name: string, undo: () => Promise<void>): void {
    this.#steps.push({ name, undo });
  }

  run(): Promise<void> {
    this.#done ??= this.#undoAll();
    return this.#done;
  }

  async #undoAll(): Promise<void> {
    for (const { name, undo } of this.#steps.reverse()) {
      try {
        await undo();
        this.#onStep(`stopped ${name}`);
      } catch (thrown) {
        this.#onStep(`could not stop ${name}: ${describeThrown(thrown)}`);
      }
    }
  }
}

/**
 * Starts everything and waits until a job can be submitted.
 * @throws ThroughlineError with the part that did not start; nothing is left running then
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const teardown = new Teardown(options.onStep);
  try {
    return await start(options, teardown);
  } catch (thrown) {
    await teardown.run();
    throw thrown;
  }
}

async function start(options: StackOptions, teardown: Teardown): Promise<Stack> {
  const { ports, onLog, onStep } = options;
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-dev-'));
  teardown.add('the temporary files', () => rm(directory, { recursive: true, force: true }));

  const collector = await startCollector({ port: ports.otlp });
  teardown.add('the trace collector', () => collector.close());
  const tracing: Record<string, string> =
    options.tracing === false ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl };

  const [natsStart, bundle] = await Promise.allSettled([
    options.nats ?? startNats(options),
    options.scriptPath ?? buildEdge(path.join(directory, 'edge')).then((built) => built.scriptPath),
  ]);
  // What one of two started must be stopped although the other failed.
  if (natsStart.status === 'fulfilled' && options.nats === undefined)
    teardown.add('nats-server', () => natsStart.value.stop());
  const [nats, scriptPath] = [settledValue(natsStart), settledValue(bundle)];
  onStep(`nats-server ${nats.version} at ${nats.url}`);

  const callbackSecret = createCallbackSecret();
  const addWorker = async (environment: Readonly<Record<string, string>> = {}): Promise<WorkerProcess> => {
    const worker = await startWorkerProcess({
      environment: {
        NATS_URL: nats.url,
        HEALTH_PORT: '0',
        CALLBACK_SECRET: callbackSecret,
        ...tracing,
        ...options.worker,
        ...environment,
      },
      operationsFolder: options.operationsFolder,
      debug: options.debug ?? false,
      onLog,
    });
    teardown.add(`worker ${worker.pid}`, () => worker.stop());
    return worker;
  };

  const apiKey = createApiKey('dev');
  const startEdgeAt = (port: number): Promise<Edge> =>
    startEdgeOf({ ...options, ports: { ...ports, http: port } }, nats, tracing, apiKey, scriptPath);
  const [workerStart, edgeStart] = await Promise.allSettled([addWorker(), startEdgeAt(ports.http)]);
  let edge = edgeStart.status === 'fulfilled' ? edgeStart.value : undefined;
  teardown.add('the edge', async () => edge?.stop());
  const worker = settledValue(workerStart);
  const { url, inspectorUrl } = settledValue(edgeStart);
  const restartEdge = async (): Promise<void> => {
    await edge?.stop();
    edge = await startEdgeAt(Number(new URL(url).port));
  };
  onStep(`worker ${worker.pid}, health at ${worker.healthUrl}`);
  await untilReady(url);
  onStep(`edge at ${url}`);
  const parts = { url, inspectorUrl, apiKey, callbackSecret, nats, collector, worker };
  return { ...parts, restartEdge, addWorker, stopEdge: async () => edge?.stop(), stop: () => teardown.run() };
}

function settledValue<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

async function startNats({ ports, natsServerPath, natsConfig, onStep }: StackOptions): Promise<NatsServer> {
  const binary =
    natsServerPath ?? (await locateNatsServer({ environment: hostEnvironment(), log: onStep })).path;
  return await startNatsServer({
    binary,
    port: ports.nats,
    webSocketPort: ports.natsWebSocket,
    ...(natsConfig === undefined ? {} : { extraConfig: natsConfig }),
  });
}

async function startEdgeOf(
  options: StackOptions,
  nats: NatsServer,
  tracing: Readonly<Record<string, string>>,
  apiKey: string,
  scriptPath: string,
): Promise<Edge> {
  const keys = [{ id: 'dev', tenant: TENANT, hash: await hashApiKey(apiKey) }];
  return await startEdge({
    scriptPath,
    port: options.ports.http,
    bindings: {
      NATS_URL: nats.webSocketUrl,
      API_KEYS: JSON.stringify(keys),
      ...(options.debug ? { DEBUG: 'true' } : {}),
      ...tracing,
      ...options.edge,
    },
    rateLimit: options.rateLimit,
    storageDir: options.storageDir,
    inspect: options.inspect,
    onLog: options.onLog,
  });
}

async function untilReady(url: string): Promise<void> {
  const until = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const answer = await fetch(`${url}/readyz`).then(
      async (response) => ({ ok: response.ok, text: await response.text() }),
      (thrown: unknown) => ({ ok: false, text: describeThrown(thrown) }),
    );
    if (answer.ok) return;
    if (Date.now() > until) throw new ThroughlineError('internal', `the edge is not ready: ${answer.text}`);
    await delay(READY_POLL_MS);
  }
}
