import { once } from 'node:events';
import { describeThrown, ThroughlineError } from '../shared/errors.ts';
import { SERVICE } from '../shared/trace/semantics.ts';
import { workerConfig } from './config.ts';
import { createLogger } from './log.ts';
import { createRegistry, loadOperations } from './operations/operation-registry.ts';
import { startTracing } from './telemetry/tracing.ts';
import { startWorker } from './worker.ts';

export interface HostOptions {
  /** Folder of the operations to load. Undefined: the worker has only the built-in ones. */
  readonly operationsFolder: string | undefined;
  readonly debug: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs a worker until SIGTERM or SIGINT, then stops it gracefully. A second signal ends it at once.
 * @returns the exit code of the process: 0 after a signal, 1 after a failure
 * @throws ThroughlineError `config-invalid` or `broker-unavailable` when it cannot start
 */
export async function runWorkerHost(options: HostOptions): Promise<number> {
  const config = workerConfig(options.environment);
  const debug = options.debug || config.DEBUG;
  // Before any operation is loaded, so that the modules that operations import are instrumented.
  const tracing = await startTracing({
    serviceName: SERVICE.worker,
    environment: options.environment,
    debug,
    autoInstrument: true,
  });
  const log = createLogger(SERVICE.worker, debug ? 'debug' : config.LOG_LEVEL);
  const { builtInOperations } = await import('./operations/built-in/built-in.ts');
  const loaded = options.operationsFolder === undefined ? [] : await loadOperations(options.operationsFolder);
  const registry = createRegistry([...builtInOperations(config), ...loaded]);
  const worker = await startWorker({ config, registry, log, tracing: tracing.on });
  const operations = [...registry.keys()];
  log.info(
    { operations, group: config.WORKER_GROUP, health_port: worker.healthPort, pid: process.pid },
    'worker ready',
  );

  const code = await Promise.race([stopSignal(), worker.failed, uncaught()]).then(
    () => 0,
    (thrown: unknown) => {
      log.error({ reason: describeThrown(thrown) }, 'worker failed');
      return 1;
    },
  );
  await worker.stop();
  await tracing
    .shutdown()
    .catch((thrown: unknown) => log.warn({ reason: describeThrown(thrown) }, 'spans were lost'));
  log.info('worker stopped');
  return code;
}

async function stopSignal(): Promise<void> {
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const end = (): never => process.exit(1);
  process.once('SIGTERM', end).once('SIGINT', end);
}

/** A rejected promise that an operation forgot must not kill the other jobs without a log line. */
function uncaught(): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (thrown: unknown): void => {
      reject(new ThroughlineError('internal', `uncaught: ${describeThrown(thrown)}`, { cause: thrown }));
    };
    process.once('uncaughtException', fail).once('unhandledRejection', fail);
  });
}
