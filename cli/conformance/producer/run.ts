import { headerValues } from '../../../shared/wire/headers.ts';
import { isStructured, toBinaryMode } from '../../../shared/wire/structured-event.ts';
import { parseJobSubject } from '../../../shared/wire/subjects.ts';
import type { Broker } from '../../../worker-node/broker/connection/broker.ts';
import { connectBroker } from '../../../worker-node/broker/connection/connect.ts';
import { lastMessage } from '../../../worker-node/broker/last-message.ts';
import { setUpBroker } from '../../../worker-node/broker/setup.ts';
import { workerConfig } from '../../../worker-node/config.ts';
import { CliError } from '../../cli-error.ts';
import type { Environment } from '../../config.ts';
import { TENANT } from '../broker/queue.ts';
import { type Heard, Tape } from '../broker/tape.ts';
import { newTraceparent } from '../broker/traceparent.ts';
import { CaseOver, CaseSkipped, Findings } from '../findings.ts';
import { HttpTarget } from '../program/http-target.ts';
import { Program } from '../program/program.ts';
import type { CaseReport, Fault } from '../report.ts';
import type { ProducerCase } from './cases.ts';
import type { Produced, Wanted } from './produced.ts';

interface ProducerRunOptions {
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

/** A job that was asked for, and what came. */
interface Submission {
  readonly wanted: Wanted;
  readonly message: Produced;
}

/**
 * Starts a producer several times, takes the jobs that it publishes, and runs cases on them.
 * @throws CliError `usage-invalid` if a run publishes no job; ThroughlineError
 */
export async function runProducer(options: ProducerRunOptions): Promise<CaseReport[]> {
  const environment = { ...options.environment, NATS_URL: options.natsUrl };
  await setUpBroker({ environment, check: false, replicas: undefined });
  const config = { ...workerConfig(environment), WORKER_NAME: 'throughline-conformance' };
  const broker = await connectBroker(config, '_INBOX_conformance');
  const http = await HttpTarget.open();
  try {
    const submissions: Submission[] = [];
    const tape = await Tape.start(broker.connection);
    for (const wanted of newJobs()) {
      options.signal.throwIfAborted();
      const earlierIds = submissions.flatMap(({ message }) => parseJobSubject(message.subject)?.jobId ?? []);
      const messages = await produce(options, { broker, tape, wanted, otlpUrl: http.url, earlierIds });
      submissions.push(...messages.map((message) => ({ wanted, message })));
    }
    return options.cases.map((one) => report(one, submissions, options));
  } finally {
    await http.close();
    await broker.connection.close();
  }
}

/** The second job differs from the first one in all that a producer may have written down instead of read. */
function newJobs(): readonly Wanted[] {
  return [
    {
      run: '',
      tenant: TENANT,
      operation: 'conformance.echo',
      input: '{"text":"grüße","n":1}',
      traceparent: newTraceparent(),
      tracestate: 'vendor=a',
      baggage: 'user=ann',
    },
    {
      run: 'in the second run, ',
      tenant: 'Second_tenant-2',
      operation: 'conformance.second.echo-2',
      input: '[null,0,"",{"世界":[]}]',
      traceparent: newTraceparent().replace(/01$/, '00'),
      tracestate: 'other=b',
      baggage: 'plan=free',
    },
  ];
}

interface ProduceParts {
  readonly broker: Broker;
  readonly tape: Tape;
  readonly wanted: Wanted;
  readonly otlpUrl: string;
  readonly earlierIds: readonly string[];
}

async function produce(
  { command, environment, natsUrl, timeoutMs, onLine, signal }: ProducerRunOptions,
  { broker, tape, wanted, otlpUrl, earlierIds }: ProduceParts,
): Promise<readonly Produced[]> {
  const before = tape.all.length;
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
  const subjects = new Map<string, Heard>();
  for (const heard of tape.all.slice(before))
    if (heard.subject.startsWith('jobs.') && !subjects.has(heard.subject)) subjects.set(heard.subject, heard);
  const facts = { exitCode, jobsOfRun: subjects.size, earlierIds };
  if (subjects.size > 0)
    return await Promise.all([...subjects.values()].map((heard) => producedOf(heard, broker, facts)));
  const ended = exitCode === undefined ? `had not ended after ${timeoutMs} ms` : program.howItEnded;
  const message = `${wanted.run}the producer under test has published nothing on jobs.>, and ${ended}`;
  throw new CliError('usage-invalid', message, { hint: program.lastLines });
}

async function producedOf(
  { subject, names, values, data, reply }: Heard,
  { manager }: Broker,
  facts: Pick<Produced, 'exitCode' | 'jobsOfRun' | 'earlierIds'>,
): Promise<Produced> {
  const stored = await lastMessage(manager, 'JOBS', subject);
  if (stored !== undefined) await manager.streams.deleteMessage('JOBS', stored.seq);
  const message = { headers: { keys: () => [...names], values: (name: string) => [...values(name)] }, data };
  const opened = toBinaryMode(message);
  const unopened = isStructured(values) ? 'unreadable' : 'binary';
  return {
    subject,
    names,
    values: headerValues(opened.headers),
    data: opened.data,
    mode: opened === message ? unopened : 'structured',
    asksForAck: reply !== '',
    isStored: stored !== undefined,
    ...facts,
  };
}

function report(
  one: ProducerCase,
  submissions: readonly Submission[],
  { skipped, onCase }: ProducerRunOptions,
): CaseReport {
  const { name, what, sentences } = one;
  const seen = skipped.includes(name) ? [] : submissions.map((submission) => look(one, submission));
  const isSkipped = seen.every(({ why }) => why !== undefined);
  const why = isSkipped ? seen[0]?.why : undefined;
  const faults: Fault[] = [];
  for (const { findings, run } of seen) {
    // A fault of the first run is not told again.
    const more = findings.faults.filter(({ sentence }) =>
      faults.every((fault) => fault.sentence !== sentence),
    );
    faults.push(...more.map((fault) => ({ ...fault, found: `${run}${fault.found}` })));
  }
  const outcome = isSkipped ? 'skipped' : faults.length === 0 ? 'passed' : 'failed';
  const reason = why === undefined ? {} : { why };
  const done: CaseReport = { case: name, what, outcome, ...reason, sentences, faults, ms: 0 };
  onCase(done);
  return done;
}

interface Look {
  readonly run: string;
  readonly findings: Findings;
  /** Why there was nothing to look at. */
  readonly why: string | undefined;
}

/** Looks at one message. */
function look({ check }: ProducerCase, { message, wanted }: Submission): Look {
  const findings = new Findings();
  let why: string | undefined;
  try {
    check(message, wanted, findings);
  } catch (thrown) {
    if (thrown instanceof CaseSkipped) why = thrown.message;
    else if (!(thrown instanceof CaseOver)) throw thrown;
  }
  return { run: wanted.run, findings, why };
}
