import { JetStreamApiError, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { ThroughlineError } from '../../shared/errors.ts';
import { API_CODE, isOverlapCode } from '../../shared/nats/api-error.ts';
import { consumerFindings } from '../../shared/nats/consumers/consumer-rules.ts';
import { copyFindings } from '../../shared/nats/copies.ts';
import { type Finding, findingText, fixText } from '../../shared/nats/finding.ts';
import { streamFindings } from '../../shared/nats/stream-rules.ts';
import {
  type ConsumerDefinition,
  JOBS_STREAM,
  type RouteConsumer,
  type StreamDefinition,
} from '../../shared/nats/streams.ts';
import type { WorkerLogger } from '../log.ts';
import { ifThere } from './connection/api-error.ts';
import type { Broker } from './connection/broker.ts';
import { isConnectionLost } from './connection/lost-requests.ts';
import { overlapError } from './groups/overlap-error.ts';
import { isForbidden } from './permissions/permission-watch.ts';
import { storeConsumer } from './store-consumer.ts';

/** The code of JetStream's API for a stream whose subjects another stream takes. */
const SUBJECTS_OVERLAP = 10065;

/** What is needed to make consumers. */
type ConsumerBroker = Pick<Broker, 'connection' | 'manager'>;

/** A stream as it is now, with the settings that are wrong. */
export interface StreamReport {
  readonly name: string;
  readonly state: 'found' | 'missing' | 'created' | 'updated';
  readonly messages: number;
  readonly replicas: number;
  readonly findings: readonly Finding[];
}

/** Reads a stream and changes nothing. @throws whatever the NATS client throws */
export async function checkStream(
  manager: JetStreamManager,
  definition: StreamDefinition,
): Promise<StreamReport> {
  const { name } = definition;
  const info = await ifThere(manager.streams.info(name), API_CODE.streamNotFound);
  if (info === undefined) return { name, state: 'missing', messages: 0, replicas: 0, findings: [] };
  const { config, state } = info;
  return {
    name,
    state: 'found',
    messages: state.messages,
    replicas: config.num_replicas,
    findings: [...copyFindings(info), ...streamFindings({ ...config }, definition)],
  };
}

/**
 * Creates a missing stream. Updates the settings of an existing one that can be changed without losing a message.
 * @param levels which findings are changed
 * @throws ThroughlineError `config-invalid` if the server refuses; `broker-unavailable` if servers of its cluster are away
 */
export async function setUpStream(
  manager: JetStreamManager,
  definition: StreamDefinition,
  levels: readonly Finding['level'][] = ['breaks', 'weakens'],
): Promise<StreamReport> {
  const report = await checkStream(manager, definition);
  if (report.state === 'missing') {
    await change(definition, 'create', () =>
      manager.streams.add(definition as unknown as Partial<StreamConfig> & { name: string }),
    );
    return { ...(await checkStream(manager, definition)), state: 'created' };
  }
  const fixable = report.findings.filter(({ fix, level }) => fix === 'setup' && levels.includes(level));
  if (fixable.length === 0) return report;
  const { config } = await manager.streams.info(definition.name);
  // The server, and others, keep something of their own in the metadata.
  const metadata = { ...config.metadata, ...definition.metadata };
  const wanted: Readonly<Record<string, unknown>> = { ...definition, metadata };
  const changes = Object.fromEntries(fixable.map(({ setting }) => [setting, wanted[setting] ?? false]));
  await change(definition, 'update', () =>
    manager.streams.update(definition.name, { ...config, ...changes }),
  );
  return { ...(await checkStream(manager, definition)), state: 'updated' };
}

/**
 * Creates, updates or checks the streams, as far as this user may.
 * @throws ThroughlineError `config-invalid` naming each stream and setting that breaks a promise
 */
export async function ensureStreams(
  manager: JetStreamManager,
  definitions: readonly StreamDefinition[],
  log: Pick<WorkerLogger, 'warn'>,
): Promise<void> {
  const findings: Finding[] = [];
  // In order: `JOBS` takes messages from the stream of delayed jobs.
  for (const definition of definitions)
    findings.push(...(await setUpStream(manager, definition, ['breaks'])).findings);
  judge(findings, (finding, text) =>
    log.warn({ stream: finding.of, setting: finding.setting, fix: fixText(finding) }, text),
  );
}

/**
 * Creates a consumer of `stream`, or updates the ack wait and the limit of an existing one.
 * @throws ThroughlineError `config-invalid` naming the setting that breaks a promise, or the other group that takes some of
 *   the same operations
 */
export async function ensureConsumer(
  broker: ConsumerBroker,
  stream: string,
  definition: ConsumerDefinition,
  log: Pick<WorkerLogger, 'warn'>,
): Promise<void> {
  const { durable_name: name, ack_wait, max_ack_pending } = definition;
  const asked = broker.manager.consumers.info(stream, name);
  const existing = await ifThere(asked, API_CODE.consumerNotFound);
  if (existing === undefined) {
    await addConsumer(broker, stream, definition);
    return;
  }
  const { config } = existing;
  judge(consumerFindings({ ...config }, definition, stream), (finding, text) =>
    log.warn({ consumer: name, setting: finding.setting, fix: fixText(finding) }, text),
  );
  if (config.ack_wait === ack_wait && config.max_ack_pending === max_ack_pending) return;
  await storeConsumer(broker, stream, { ...config, ack_wait, max_ack_pending }, 'update');
}

/** How many consumers are created at the same time. In a cluster each of them needs an election. */
const GROUP_WIDTH = 4;
/** A server that has much to do may answer late. To create the same consumer again changes nothing. */
const TRIES = 4;

/**
 * Creates or updates the consumers of a worker group.
 * @throws ThroughlineError see {@link ensureConsumer}; `broker-unavailable` if the server does not answer
 */
export async function ensureGroup(
  broker: ConsumerBroker,
  consumers: readonly RouteConsumer[],
  log: Pick<WorkerLogger, 'warn'>,
): Promise<void> {
  const left = [...consumers];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift())
      await ensurePatiently(broker, next.definition, log);
  };
  await Promise.all(Array.from({ length: GROUP_WIDTH }, work));
}

async function ensurePatiently(
  broker: ConsumerBroker,
  definition: ConsumerDefinition,
  log: Pick<WorkerLogger, 'warn'>,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await ensureConsumer(broker, JOBS_STREAM, definition, log);
    } catch (cause) {
      if (!(cause instanceof errors.TimeoutError || isConnectionLost(cause))) throw cause;
      if (tries < TRIES) continue;
      const message = `the consumer ${definition.durable_name} of ${JOBS_STREAM} was not made: NATS does not answer in time`;
      throw new ThroughlineError('broker-unavailable', message, { cause });
    }
  }
}

async function addConsumer(
  broker: ConsumerBroker,
  stream: string,
  definition: ConsumerDefinition,
): Promise<void> {
  try {
    await storeConsumer(broker, stream, definition, 'create');
  } catch (thrown) {
    if (!(thrown instanceof JetStreamApiError) || !isOverlapCode(thrown.code)) throw thrown;
    throw await overlapError(broker.manager, definition, thrown);
  }
}

/**
 * Says what weakens a promise.
 * @throws ThroughlineError `config-invalid` naming what breaks one
 */
function judge(findings: readonly Finding[], warn: (finding: Finding, text: string) => void): void {
  for (const finding of findings) if (finding.level === 'weakens') warn(finding, findingText(finding));
  const breaking = findings.filter(({ level }) => level === 'breaks');
  if (breaking.length === 0) return;
  const sentences = breaking.map((finding) => `${findingText(finding)} (${fixText(finding)})`);
  throw new ThroughlineError('config-invalid', sentences.join('; '));
}

async function change(
  definition: StreamDefinition,
  what: 'create' | 'update',
  call: () => Promise<unknown>,
): Promise<void> {
  try {
    await call();
  } catch (cause) {
    throw changeError(definition, what, cause);
  }
}

/** The error of a change that failed; one that the server did not answer stays as it is. */
function changeError(
  { name: stream, subjects }: StreamDefinition,
  what: 'create' | 'update',
  cause: unknown,
): unknown {
  if (isForbidden(cause)) {
    const need = what === 'create' ? 'it is not there' : 'it needs a change';
    const message = `stream ${stream}: ${need}, and this user may not ${what} it; run \`throughline setup\` as one who may`;
    return new ThroughlineError('config-invalid', message, { cause });
  }
  if (!(cause instanceof JetStreamApiError)) return cause;
  if (cause.code === API_CODE.noPeers) {
    const message = `stream ${stream}: the cluster has no place for it now (${cause.message}); each copy needs a server of its own: are there as many, and are all of them up?`;
    return new ThroughlineError('broker-unavailable', message, { cause });
  }
  const message = `stream ${stream}: the server does not ${what} it: ${cause.message}`;
  if (cause.code === SUBJECTS_OVERLAP) {
    const roots = [...new Set(subjects.map((subject) => subject.split('.')[0]))].join(' or ');
    const advice = `; \`nats stream ls\` shows the others: give the one with subjects that begin with ${roots} other ones, or use an account of its own`;
    return new ThroughlineError('config-invalid', message + advice, { cause });
  }
  return new ThroughlineError('config-invalid', message, { cause });
}
