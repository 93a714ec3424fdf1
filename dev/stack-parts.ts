import { rm } from 'node:fs/promises';
import path from 'node:path';
import { makeTemporaryFolder } from '../create/temporary-folder.ts';
import { callbackSecretsFor } from '../shared/callback-secrets.ts';
import { keptEdge } from './edge/kept-build.ts';
import { type Edge, type EdgeOptions, startEdge } from './edge/start.ts';
import { apiKeysWith, type Identity } from './identity.ts';
import { hostEnvironment } from './machine/environment.ts';
import { locateNatsServer } from './nats-binary/locate.ts';
import { type NatsServer, startNatsServer } from './nats-server/start.ts';
import type { StackOptions } from './stack-options.ts';
import type { Teardown } from './teardown.ts';
import { startWorkerProcess, type WorkerProcess } from './worker/start.ts';

const TENANT = 'demo';
/** Small enough for any machine, since nats-server sets the caps of waiting jobs aside. */
const STORE_BYTES = '2000000000';

/** What the parts of a stack share. */
interface StackContext {
  readonly teardown: Teardown;
  /** The key of the tenant, and the master secret of the callbacks. */
  readonly identity: Identity;
  /** Where edge and workers send their spans. */
  readonly otlpUrl: string;
}

/** Starts the parts of one stack. The teardown then stops all of them but the edge, which can start more than once. */
export class StackParts {
  readonly #identity: Identity;
  readonly #options: StackOptions;
  readonly #teardown: Teardown;
  readonly #tracing: Readonly<Record<string, string>>;

  constructor(options: StackOptions, { teardown, identity, otlpUrl }: StackContext) {
    this.#options = options;
    this.#identity = identity;
    this.#teardown = teardown;
    this.#tracing = options.tracing === false ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl };
  }

  /** Builds the Worker's bundle, or gives the one from the options. */
  async bundle(): Promise<EdgeOptions['bundle']> {
    if (this.#options.bundle !== undefined) return this.#options.bundle;
    const directory = await makeTemporaryFolder('throughline-dev-');
    this.#teardown.add(
      'the temporary files',
      () => rm(directory, { recursive: true, force: true }),
      'remove',
    );
    return await keptEdge(directory);
  }

  /** The secret that signs the callbacks of the tenant of the API key; empty if somebody has set that there is none. */
  async callbackSecret(): Promise<string> {
    const settings = { CALLBACK_SECRET: this.#identity.callbackSecret, ...this.#options.worker };
    const [secret = ''] = await callbackSecretsFor(TENANT, settings).catch(() => []);
    return secret;
  }

  async startNats(): Promise<NatsServer> {
    const { nats, ports, natsServerPath, natsConfig, persistIn, onStep } = this.#options;
    if (nats !== undefined) return nats;
    const binary =
      natsServerPath ?? (await locateNatsServer({ environment: hostEnvironment(), log: onStep })).path;
    const server = await startNatsServer({
      binary,
      port: ports.nats,
      webSocketPort: ports.natsWebSocket,
      ...(natsConfig === undefined ? {} : { extraConfig: natsConfig }),
      ...(persistIn === undefined ? {} : { storeDir: path.resolve(persistIn, 'nats') }),
    });
    this.#teardown.addRunning(`nats-server ${server.version} at ${server.url}`, {
      name: 'nats-server',
      undo: () => server.stop(),
      exited: () => server.exited,
    });
    return server;
  }

  async startWorker(nats: NatsServer, environment: Readonly<Record<string, string>>): Promise<WorkerProcess> {
    const { operationsFolder, debug = false, worker: settings, onLog } = this.#options;
    const worker = await startWorkerProcess({
      environment: {
        NATS_URL: nats.url,
        HEALTH_PORT: '0',
        CALLBACK_SECRET: this.#identity.callbackSecret,
        STREAM_STORE_BYTES: STORE_BYTES,
        ...this.#tracing,
        ...settings,
        ...environment,
      },
      operationsFolder,
      debug,
      onLog,
    });
    this.#teardown.addRunning(`worker ${worker.pid}, health at ${worker.healthUrl}`, {
      name: `worker ${worker.pid}`,
      undo: () => worker.stop(),
      exited: () => worker.exited,
    });
    return worker;
  }

  /** The caller stops the edge. */
  async startEdge(nats: NatsServer, bundle: EdgeOptions['bundle'], port: number): Promise<Edge> {
    const { debug, edge: settings, rateLimit, inspect, onLog, persistIn } = this.#options;
    const storageDir =
      this.#options.storageDir ?? (persistIn === undefined ? undefined : path.resolve(persistIn, 'edge'));
    const own = { key: this.#identity.apiKey, tenant: TENANT };
    return await startEdge({
      bundle,
      port,
      bindings: {
        NATS_URL: nats.webSocketUrl,
        STATUS_ACCESS: 'public',
        ...(debug ? { DEBUG: 'true' } : {}),
        ...this.#tracing,
        ...settings,
        API_KEYS: await apiKeysWith(own, settings?.API_KEYS),
      },
      rateLimit,
      storageDir,
      inspect,
      onLog,
    });
  }
}
