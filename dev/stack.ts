import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createApiKey, hashApiKey } from '../shared/api/api-key.ts';
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { createCallbackSecret } from '../shared/text/callback-secret.ts';
import { type Collector, startCollector } from './collector/start.ts';
import { buildEdge } from './edge/build.ts';
import { RestartableEdge } from './edge/restartable.ts';
import { type EdgeOptions, startEdge } from './edge/start.ts';
import { hostEnvironment } from './machine/environment.ts';
import { locateNatsServer } from './nats-binary/locate.ts';
import { type NatsServer, startNatsServer } from './nats-server/start.ts';
import { allSettled, Teardown } from './teardown.ts';
import { startWorkerProcess, type WorkerProcess } from './worker/start.ts';

const READY_TIMEOUT_MS = 20_000;
const READY_POLL_MS = 20;
const TENANT = 'demo';

/** Ports on 127.0.0.1; 0: a free port. */
export interface StackPorts {
  readonly http: number;
  readonly nats: number;
  readonly natsWebSocket: number;
  readonly otlp: number;
}

export const FREE_PORTS: StackPorts = { http: 0, nats: 0, natsWebSocket: 0, otlp: 0 };

export interface StackOptions {
  readonly ports: StackPorts;
  readonly operationsFolder?: string | undefined;
  /** Also prints spans on stderr. */
  readonly debug?: boolean;
  /** More settings for the edge. */
  readonly edge?: Readonly<Record<string, string>>;
  /** More settings for each worker. */
  readonly worker?: Readonly<Record<string, string>>;
  /** Limits the requests of each tenant. */
  readonly rateLimit?: EdgeOptions['rateLimit'];
  /** The folder for the storage of the edge's Durable Objects; undefined: in memory, lost when the edge stops. */
  readonly storageDir?: string | undefined;
  /** false: nothing is traced. */
  readonly tracing?: boolean;
  /** The Worker's bundle; undefined: it is built. */
  readonly bundle?: EdgeOptions['bundle'] | undefined;
  /** The nats-server program; undefined: it is found or fetched. */
  readonly natsServerPath?: string | undefined;
  /** A nats-server that runs already. The stack does not stop it. `edge` and `worker` must hold the credentials for it. */
  readonly nats?: NatsServer;
  /** More configuration for nats-server, in its own language. */
  readonly natsConfig?: string;
  /** Opens an inspector of the edge. */
  readonly inspect?: boolean;
  /** Takes each log line of the edge and the workers. */
  readonly onLog: (line: string) => void;
  /** Takes a sentence about each step. */
  readonly onStep: (sentence: string) => void;
}

/** Everything on one machine: nats-server, the edge in workerd, a worker, and a trace collector. */
export interface Stack {
  readonly url: string;
  readonly apiKey: string;
  /** The secret with which the workers sign callbacks. */
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
  const teardown = new Teardown(options.onStep);
  try {
    return await new StackStart(options, teardown).run();
  } catch (thrown) {
    await teardown.run();
    throw thrown;
  }
}

/** One start of a stack. Each part adds its end to the teardown. */
class StackStart {
  readonly #options: StackOptions;
  readonly #teardown: Teardown;
  readonly #apiKey = createApiKey('dev');
  readonly #callbackSecret = createCallbackSecret();

  constructor(options: StackOptions, teardown: Teardown) {
    this.#options = options;
    this.#teardown = teardown;
  }

  async run(): Promise<Stack> {
    const { onStep, ports } = this.#options;
    const directory = await this.#temporaryDirectory();
    const collector = await this.#startCollector();
    const starting = this.#startNats();
    const building = this.#options.bundle ?? buildEdge(path.join(directory, 'edge'));
    const edge = new RestartableEdge(async (port) =>
      this.#startEdge(await starting, await building, collector, port),
    );
    const addWorker = async (environment: Readonly<Record<string, string>> = {}): Promise<WorkerProcess> =>
      this.#startWorker(await starting, collector, environment);
    // The worker needs no bundle: it starts while the edge is built.
    const [nats, worker, { url, inspectorUrl }] = await allSettled([
      starting,
      addWorker(),
      allSettled([starting, building]).then(() => edge.start(ports.http)),
    ]).finally(() => {
      // Added last, so that the edge stops before the workers, whichever of them started first.
      if (edge.started) this.#teardown.add('the edge', () => edge.stop());
    });
    await untilReady(url);
    onStep(`edge at ${url}`);
    return {
      ...{ url, inspectorUrl, nats, collector, worker, addWorker },
      apiKey: this.#apiKey,
      callbackSecret: this.#callbackSecret,
      restartEdge: () => edge.restart(),
      stopEdge: () => edge.stop(),
      stop: () => this.#teardown.run(),
    };
  }

  async #temporaryDirectory(): Promise<string> {
    const directory = await mkdtemp(path.join(tmpdir(), 'throughline-dev-'));
    this.#teardown.add('the temporary files', () => rm(directory, { recursive: true, force: true }));
    return directory;
  }

  async #startCollector(): Promise<Collector> {
    const collector = await startCollector({ port: this.#options.ports.otlp });
    this.#teardown.add('the trace collector', () => collector.close());
    return collector;
  }

  async #startNats(): Promise<NatsServer> {
    const { nats, ports, natsServerPath, natsConfig, onStep } = this.#options;
    if (nats !== undefined) return nats;
    const binary =
      natsServerPath ?? (await locateNatsServer({ environment: hostEnvironment(), log: onStep })).path;
    const server = await startNatsServer({
      binary,
      port: ports.nats,
      webSocketPort: ports.natsWebSocket,
      ...(natsConfig === undefined ? {} : { extraConfig: natsConfig }),
    });
    this.#teardown.add('nats-server', () => server.stop());
    onStep(`nats-server ${server.version} at ${server.url}`);
    return server;
  }

  async #startWorker(
    nats: NatsServer,
    collector: Collector,
    environment: Readonly<Record<string, string>>,
  ): Promise<WorkerProcess> {
    const { operationsFolder, debug = false, worker: settings, onLog, onStep } = this.#options;
    const worker = await startWorkerProcess({
      environment: {
        NATS_URL: nats.url,
        HEALTH_PORT: '0',
        CALLBACK_SECRET: this.#callbackSecret,
        ...this.#tracing(collector),
        ...settings,
        ...environment,
      },
      operationsFolder,
      debug,
      onLog,
    });
    this.#teardown.add(`worker ${worker.pid}`, () => worker.stop());
    onStep(`worker ${worker.pid}, health at ${worker.healthUrl}`);
    return worker;
  }

  async #startEdge(nats: NatsServer, bundle: EdgeOptions['bundle'], collector: Collector, port: number) {
    const { debug, edge: settings, rateLimit, storageDir, inspect, onLog } = this.#options;
    const keys = [{ id: 'dev', tenant: TENANT, hash: await hashApiKey(this.#apiKey) }];
    return await startEdge({
      bundle,
      port,
      bindings: {
        NATS_URL: nats.webSocketUrl,
        API_KEYS: JSON.stringify(keys),
        ...(debug ? { DEBUG: 'true' } : {}),
        ...this.#tracing(collector),
        ...settings,
      },
      ...{ rateLimit, storageDir, inspect, onLog },
    });
  }

  #tracing({ otlpUrl }: Collector): Readonly<Record<string, string>> {
    return this.#options.tracing === false ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl };
  }
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
