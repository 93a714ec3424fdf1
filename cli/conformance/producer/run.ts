import { headerValues } from '../../../shared/wire/headers.ts';
import { isStructured, toBinaryMode } from '../../../shared/wire/structured-event.ts';
import { type Broker, connectBroker } from '../../../worker-node/broker/connect.ts';
import { lastMessage } from '../../../worker-node/broker/job-record.ts';
import { setUpBroker } from '../../../worker-node/broker/setup.ts';
import { workerConfig } from '../../../worker-node/config.ts';
import { CliError } from '../../cli-error.ts';
import type { Environment } from '../../config.ts';
import { newTraceparent, TENANT } from '../broker/queue.ts';
import { type Heard, Tape } from '../broker/tape.ts';
import { CaseOver, CaseSkipped, Findings } from '../findings.ts';
import { HttpTarget } from '../program/http-target.ts';
import { Program } from '../program/program.ts';
import type { CaseReport } from '../report.ts';
import type { ProducerCase } from './cases.ts';
import type { Produced, Wanted } from './produced.ts';

export interface ProducerRunOptions {
  readonly command: readonly string[];
  readonly environment: Environment;
  /** The address of NATS. Its login is in the environment, as for a worker. */
  readonly natsUrl: string;
  /** How long the program may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly cases: readonly ProducerCase[];
  readonly skipped: readonly string[];
  readonly onCase: (report: CaseReport) => void;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Starts a producer, takes the job that it publishes, and runs cases on it.
 * @throws CliError `usage-invalid` if it publishes no job; ThroughlineError
 */
export async function runProducer(options: ProducerRunOptions): Promise<CaseReport[]> {
  const environment = { ...options.environment, NATS_URL: options.natsUrl };
  await setUpBroker({ environment, check: false, replicas: undefined });
  const config = { ...workerConfig(environment), WORKER_NAME: 'throughline-conformance' };
  const broker = await connectBroker(config, '_INBOX_conformance');
  const http = await HttpTarget.open();
  try {
    const wanted = newWanted();
    const message = await produce(options, { broker, wanted, otlpUrl: http.url });
    return options.cases.map((one) => report(one, message, wanted, options));
  } finally {
    await http.close();
    await broker.connection.close();
  }
}

function newWanted(): Wanted {
  return {
    ...{ tenant: TENANT, operation: 'conformance.echo', input: '{"text":"grüße","n":1}' },
    ...{ traceparent: newTraceparent(), tracestate: 'vendor=a', baggage: 'user=ann' },
  };
}

interface ProduceParts {
  readonly broker: Broker;
  readonly wanted: Wanted;
  readonly otlpUrl: string;
}

async function produce(
  { command, environment, natsUrl, timeoutMs, onLine, signal }: ProducerRunOptions,
  { broker, wanted, otlpUrl }: ProduceParts,
): Promise<Produced> {
  const tape = await Tape.start(broker.connection);
  const settings = {
    NATS_URL: natsUrl,
    CONFORMANCE_TENANT: wanted.tenant,
    CONFORMANCE_OPERATION: wanted.operation,
    CONFORMANCE_INPUT: wanted.input,
    TRACEPARENT: wanted.traceparent,
    TRACESTATE: wanted.tracestate,
    BAGGAGE: wanted.baggage,
    OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl,
    OTEL_SERVICE_NAME: 'conformance-producer',
  };
  const program = await Program.start({ command, onLine, environment: { ...environment, ...settings } });
  const onAbort = (): void => void program.kill();
  signal.addEventListener('abort', onAbort);
  const exitCode = await program.endWithin(timeoutMs);
  signal.removeEventListener('abort', onAbort);
  await program.kill();
  await broker.connection.flush();
  const heard = tape.all.find(({ subject }) => subject.startsWith('jobs.'));
  if (heard !== undefined) return await producedOf(heard, broker, exitCode);
  throw new CliError('usage-invalid', 'the producer under test has published nothing on jobs.>', {
    hint: program.lastLines,
  });
}

async function producedOf(
  { subject, names, values, data, reply }: Heard,
  { manager }: Broker,
  exitCode: Produced['exitCode'],
): Promise<Produced> {
  const stored = await lastMessage(manager, 'JOBS', subject);
  if (stored !== undefined) await manager.streams.deleteMessage('JOBS', stored.seq);
  const message = { headers: { keys: () => [...names], values: (name: string) => [...values(name)] }, data };
  const opened = toBinaryMode(message);
  const unopened = isStructured(values) ? 'unreadable' : 'binary';
  return {
    ...{ subject, names, values: headerValues(opened.headers), data: opened.data },
    mode: opened === message ? unopened : 'structured',
    ...{ asksForAck: reply !== '', isStored: stored !== undefined, exitCode },
  };
}

function report(
  { name, what, sentences, check }: ProducerCase,
  message: Produced,
  wanted: Wanted,
  { skipped, onCase }: ProducerRunOptions,
): CaseReport {
  const findings = new Findings();
  let isSkipped = skipped.includes(name);
  let why: string | undefined;
  try {
    if (!isSkipped) check(message, wanted, findings);
  } catch (thrown) {
    if (thrown instanceof CaseSkipped) [isSkipped, why] = [true, thrown.message];
    else if (!(thrown instanceof CaseOver)) throw thrown;
  }
  const { faults } = findings;
  const outcome = isSkipped ? 'skipped' : faults.length === 0 ? 'passed' : 'failed';
  const reason = why === undefined ? {} : { why };
  const done: CaseReport = { case: name, what, outcome, ...reason, sentences, faults, ms: 0 };
  onCase(done);
  return done;
}
