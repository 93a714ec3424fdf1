import type { Broker } from '../../worker-node/broker/connection/broker.ts';
import { connectBroker } from '../../worker-node/broker/connection/connect.ts';
import { setUpBroker } from '../../worker-node/broker/setup.ts';
import { workerConfig } from '../../worker-node/config.ts';
import type { Environment } from '../config.ts';
import { Tape } from './broker/tape.ts';
import type { WorkerCase } from './cases/case.ts';
import { CONFORMANCE_GROUP } from './group.ts';
import { HttpTarget } from './program/http-target.ts';
import { untilPulled } from './program/until-pulled.ts';
import { WorkerUnderTest } from './program/worker-under-test.ts';
import type { CaseReport } from './report.ts';
import { runWorkerCases } from './worker-suite.ts';

export interface RunOptions {
  readonly command: readonly string[];
  readonly environment: Environment;
  /** The address of NATS. Its login is in the environment, as for a worker. */
  readonly natsUrl: string;
  readonly ackWaitMs: number;
  readonly patienceMs: number;
  readonly startTimeoutMs: number;
  readonly cases: readonly WorkerCase[];
  readonly skipped: readonly string[];
  readonly onCase: (report: CaseReport) => void;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/** How long the worker under test may take to end its jobs after SIGTERM. */
const STOP_TIMEOUT_MS = 1_000;

/**
 * Starts a worker, and runs cases on it.
 * @throws CliError, ThroughlineError
 */
export async function runWorker(options: RunOptions): Promise<CaseReport[]> {
  const { natsUrl, onLine, command, ackWaitMs, patienceMs, startTimeoutMs } = options;
  const environment = { ...options.environment, NATS_URL: natsUrl };
  await setUpBroker({ environment, check: false, replicas: undefined });
  const config = { ...workerConfig(environment), WORKER_NAME: 'throughline-conformance' };
  const broker = await connectBroker(config, '_INBOX_conformance');
  const http = await HttpTarget.open();
  const worker = new WorkerUnderTest({
    command,
    environment,
    natsUrl,
    httpUrl: http.url,
    ackWaitMs,
    onLine,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  });
  const onAbort = (): void => worker.giveUp(options.signal.reason);
  options.signal.addEventListener('abort', onAbort);
  try {
    const tape = await Tape.start(broker.connection);
    const parts = {
      broker,
      tape,
      worker,
      http,
      ackWaitMs,
      patienceMs,
      startTimeoutMs,
      stopTimeoutMs: STOP_TIMEOUT_MS,
    };
    await worker.start();
    await untilPulled(parts);
    return await runWorkerCases(parts, options.cases, options.skipped, options.onCase);
  } finally {
    options.signal.removeEventListener('abort', onAbort);
    await worker.kill();
    await http.close();
    await removeConsumers(broker.manager).catch(() => undefined);
    await broker.connection.close();
  }
}

/** Removes the consumers of the worker, so that another one may take the same jobs. */
async function removeConsumers(manager: Broker['manager']): Promise<void> {
  const names: string[] = [];
  for await (const { name } of manager.consumers.list('JOBS'))
    if (name === CONFORMANCE_GROUP || name.startsWith(`${CONFORMANCE_GROUP}-`)) names.push(name);
  for (const name of names) await manager.consumers.delete('JOBS', name);
}
