import path from 'node:path';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { describeThrown } from '../shared/errors.ts';
import type { HostReady } from '../shared/processes/host-ready.ts';
import { SERVICE } from '../shared/trace/semantics.ts';
import { checkCredentials } from './broker/connection/credentials.ts';
import { TargetGuard } from './callbacks/target-guard.ts';
import { quoteWarnings, spacedSettings, type WorkerConfig, workerConfig, workerWarnings } from './config.ts';
import { keepGlobals } from './kept-globals.ts';
import { createLogger, type WorkerLogger } from './log.ts';
import { LoopWatch } from './loop-watch/loop-watch.ts';
import { type LoadedOperation, loadOperations } from './operations/loading/load-operations.ts';
import { createRegistry } from './operations/operation-registry.ts';
import { OpenAddresses } from './operations/targets/addresses.ts';
import { AllowList } from './operations/targets/allow-list.ts';
import { LineOutput } from './output/line-output.ts';
import { ignoreOwnSignals, untilStopSignal } from './stop-signal.ts';
import { StrayErrors } from './stray-errors.ts';
import { apiProblem } from './telemetry/api-version.ts';
import { ExportedLines } from './telemetry/export/logs/exported-lines.ts';
import { SIGNALS, type Signal } from './telemetry/export/losses.ts';
import { startTracing, type Tracing } from './telemetry/tracing.ts';
import { startWorker, type Worker } from './worker.ts';
import { keepObjectsYoung } from './young-objects.ts';

/** After this time the log says where the event loop is blocked. A pause of the garbage collector, or a large computation, is shorter. */
const TELL_AFTER_MS = 5_000;
/** As long as a file may wait for something at its top level. */
const END_LOADING_AFTER_MS = 30_000;

interface HostOptions {
  /** Folder of the operations to load. Undefined: the worker has only the built-in ones. */
  readonly operationsFolder: string | undefined;
  readonly debug: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A worker host that has read its settings and operations, and has not called NATS yet. */
interface PreparedHost {
  /**
   * Runs the worker until SIGTERM, SIGINT or SIGHUP, then stops it gracefully. One that comes more than a second later ends the
   * process immediately.
   * @returns the exit code of the process: 0 after a signal, 1 after a failure
   * @throws ThroughlineError `config-invalid` or `broker-unavailable` when it cannot start
   */
  readonly run: () => Promise<number>;
}

/**
 * Reads the settings and the operations of a worker host.
 * @throws ThroughlineError `config-invalid`, which only a change on this machine can mend
 */
export async function prepareWorkerHost(options: HostOptions): Promise<PreparedHost> {
  const config = workerConfig(options.environment);
  const debug = options.debug || config.DEBUG;
  const lines = new ExportedLines();
  const output = new LineOutput();
  const log = createLogger(SERVICE.worker, debug ? 'debug' : config.LOG_LEVEL, { copy: lines.add, output });
  warnOfSettings(options.environment, log);
  const baggageAllow = baggageAllowOf(config);
  // Before any operation is loaded, so that the modules that operations import are instrumented.
  const tracing = await startTracing({
    serviceName: SERVICE.worker,
    environment: options.environment,
    debug,
    autoInstrument: true,
    getsBaggage: (url) => baggageAllow.has(url),
    warn: (reason) => log.warn({ reason }, 'setting ignored'),
    sayLoss: (signal, counts, reason) => sayLoss(lines, log, signal, { counts, reason }),
    lines,
  });
  const strayErrors = StrayErrors.watch(log);
  keepGlobals();
  ignoreOwnSignals();
  return await flushIfItFails(tracing, async () => {
    const loopWatch = LoopWatch.start({
      service: SERVICE.worker,
      tellAfterMs: TELL_AFTER_MS,
      endLoadingAfterMs: END_LOADING_AFTER_MS,
      folder: options.operationsFolder,
    });
    const loaded = await loadOwn(options.operationsFolder, log);
    loopWatch.loaded(longestBlock(loaded, config));
    await checkCredentials(config);
    const guard = new TargetGuard(config.CALLBACK_ALLOW, new OpenAddresses(config.TARGET_ADDRESSES_ALLOW));
    const { builtInOperations } = await import('./operations/built-in/built-in.ts');
    const registry = createRegistry(builtInOperations(config, baggageAllow), loaded);
    return { run: () => runHost({ config, log, output, tracing, strayErrors, loopWatch, registry, guard }) };
  });
}

function warnOfSettings(environment: HostOptions['environment'], log: WorkerLogger): void {
  for (const reason of workerWarnings(environment)) log.warn({ reason }, 'setting ignored');
  for (const reason of quoteWarnings(environment)) log.warn({ reason }, 'setting with quotes');
  for (const { sentence: reason, counts } of spacedSettings(environment))
    if (counts) log.warn({ reason }, 'setting with white space');
}

/** Does a step of the start. If it fails, the process ends, so waiting spans and log lines are sent first. */
async function flushIfItFails<Result>(tracing: Tracing, step: () => Promise<Result>): Promise<Result> {
  try {
    return await step();
  } catch (thrown) {
    await tracing.shutdown().catch(() => undefined);
    await tracing.shutdownLogs();
    throw thrown;
  }
}

interface HostParts {
  readonly config: WorkerConfig;
  readonly log: WorkerLogger;
  readonly output: LineOutput;
  readonly tracing: Tracing;
  readonly strayErrors: StrayErrors;
  readonly loopWatch: LoopWatch;
  readonly registry: ReturnType<typeof createRegistry>;
  readonly guard: TargetGuard;
}

async function runHost(parts: HostParts): Promise<number> {
  const { config, log, output, tracing, strayErrors, loopWatch, registry, guard } = parts;
  const worker = await flushIfItFails(tracing, () =>
    startWorker({ config, registry, log, output, tracing, guard }),
  );
  // Listens before it says that it is ready: a signal that comes right after must not end the process hard.
  const ended = exitCode(worker, parts);
  keepObjectsYoung();
  const ready = { operations: [...registry.keys()], group: config.WORKER_GROUP };
  log.info({ ...ready, health_port: worker.healthPort, pid: process.pid }, 'worker ready');
  tellParent({ healthPort: worker.healthPort });
  const code = await ended;
  await worker.stop();
  strayErrors.report();
  await loopWatch.stop();
  log.info('worker stopped');
  await tracing.shutdownLogs();
  await output.written();
  return code;
}

const LOSS_LINES: Readonly<Record<Signal, string>> = {
  spans: 'spans were lost',
  logs: 'log records were lost',
  metrics: 'metrics were not taken',
};

/** The line belongs to no job, although the code of some job may have started the export. */
function sayLoss(
  lines: ExportedLines,
  log: WorkerLogger,
  signal: Signal,
  { counts, reason }: { readonly counts: object | undefined; readonly reason: string },
): void {
  const line = counts === undefined ? 'the collector warns' : LOSS_LINES[signal];
  const say = (): void => context.with(ROOT_CONTEXT, () => log.warn({ ...counts, reason }, line));
  if (signal === 'logs') lines.without(say);
  else say();
}

/** Tells the local stack, or another program that started this host with a channel to it. */
function tellParent(ready: HostReady): void {
  process.send?.(ready, undefined, undefined, () => undefined);
}

/** The origins that get `tracestate` and `baggage`: by default those that `http.request` may call. */
function baggageAllowOf({ BAGGAGE_ALLOW, HTTP_REQUEST_ALLOW }: WorkerConfig): AllowList {
  if (BAGGAGE_ALLOW === undefined) return new AllowList(HTTP_REQUEST_ALLOW);
  return new AllowList(BAGGAGE_ALLOW === 'none' ? '' : BAGGAGE_ALLOW, 'BAGGAGE_ALLOW');
}

/** After how long a block no attempt can end well: its time limit is over, and other hosts have its job. */
function longestBlock(loaded: readonly LoadedOperation[], { WORKER_ACK_WAIT_MS }: WorkerConfig): number {
  return Math.max(0, ...loaded.map(({ operation }) => operation.timeoutMs)) + 2 * WORKER_ACK_WAIT_MS;
}

async function loadOwn(folder: string | undefined, log: WorkerLogger): Promise<LoadedOperation[]> {
  if (folder === undefined) return [];
  const start = process.cwd();
  const loaded = await loadOperations(folder, (sentence) => log.warn(sentence));
  for (const file of new Set(loaded.map((one) => path.resolve(start, one.file)))) {
    const problem = apiProblem(file);
    if (problem !== undefined) log.warn(problem);
  }
  return loaded;
}

/** Waits for a signal, or for a failure. */
async function exitCode(worker: Worker, { strayErrors, log, tracing }: HostParts): Promise<number> {
  try {
    await Promise.race([untilStopSignal(() => sayHardEnd(tracing, log)), worker.failed, strayErrors.first]);
    return 0;
  } catch (thrown) {
    log.error({ reason: describeThrown(thrown) }, 'worker failed');
    return 1;
  }
}

/** The second signal ends the process: what waits for the collector, or for its answer, is lost. */
function sayHardEnd({ losses }: Tracing, log: WorkerLogger): void {
  const left = SIGNALS.map((signal) => {
    const { waiting = 0, inFlight } = losses[signal].exports;
    return [`${signal}_lost`, waiting + inFlight];
  });
  log.warn(Object.fromEntries(left), 'worker ended by a second signal');
}
