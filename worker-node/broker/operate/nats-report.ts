import type { JetStreamManager } from '@nats-io/jetstream';
import { HostAnnouncement } from '../../../shared/api/host-announcement.ts';
import type { Pause } from '../../../shared/api/pause.ts';
import { API_CODE } from '../../../shared/nats/api-error.ts';
import { capOf } from '../../../shared/nats/store-caps.ts';
import { HOST_SUBJECTS, HOSTS_STREAM, streamDefinitions } from '../../../shared/nats/streams.ts';
import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { clockDifference } from '../checks/clock-check.ts';
import type { Broker } from '../connection/broker.ts';
import { isClustered, serverVersion } from '../connection/server.ts';
import { type WorkerGroup, WorkerGroups } from '../groups/worker-groups.ts';
import { readPauses } from '../pause-watch.ts';
import { knownOperations } from './known-operations.ts';

/** A stream, and how much it holds. */
export interface StreamState {
  readonly name: string;
  /** Whether the stream is there. If not, it holds nothing. */
  readonly exists: boolean;
  readonly messages: number;
  readonly bytes: number;
  /** How many bytes it may hold; absent if it has no cap. */
  readonly maxBytes?: number;
}

/** A worker host that is alive. */
export interface HostState extends HostAnnouncement {
  /** By how many milliseconds its clock is ahead of that of NATS (less than 0: behind); absent if it does not say. */
  readonly clockAheadMs?: number;
}

/** What NATS itself says about the system. */
export interface NatsReport {
  readonly server: { readonly version: string; readonly clustered: boolean };
  /** By how many milliseconds the clock of this machine is ahead of that of NATS; absent if NATS does not say. */
  readonly clockAheadMs?: number;
  readonly streams: readonly StreamState[];
  readonly groups: readonly WorkerGroup[];
  readonly hosts: readonly HostState[];
  /** The operations that were ever announced. */
  readonly operations: readonly string[];
  /** The paused operations, and who paused each. */
  readonly paused: Readonly<Record<string, Pause>>;
}

/**
 * Asks NATS for its streams, worker groups and hosts.
 * @throws ThroughlineError; whatever the NATS client throws, if this user may not ask
 */
export async function natsReport(broker: Broker): Promise<NatsReport> {
  const { manager } = broker;
  const clockAheadMs = await clockDifference(broker);
  return {
    server: { version: serverVersion(broker) ?? 'unknown', clustered: isClustered(broker) },
    ...(clockAheadMs === undefined ? {} : { clockAheadMs }),
    streams: await Promise.all(streamDefinitions(1, true).map(({ name }) => streamState(manager, name))),
    groups: await unlessMissing(new WorkerGroups(broker).list(), []),
    hosts: await unlessMissing(hostStates(manager, Date.now() - (clockAheadMs ?? 0)), []),
    operations: await unlessMissing(knownOperations(manager), []),
    paused: Object.fromEntries(await unlessMissing(readPauses(manager), new Map<string, Pause>())),
  };
}

async function streamState(manager: JetStreamManager, name: string): Promise<StreamState> {
  const info = await unlessMissing(manager.streams.info(name), undefined);
  if (info === undefined) return { name, exists: false, messages: 0, bytes: 0 };
  const { messages, bytes } = info.state;
  const maxBytes = capOf(info.config);
  return { name, exists: true, messages, bytes, ...(maxBytes === undefined ? {} : { maxBytes }) };
}

/** The hosts whose announcements the bucket holds, with the difference between their clocks and that of NATS. */
async function hostStates(manager: JetStreamManager, brokerNowMs: number): Promise<HostState[]> {
  const { state } = await manager.streams.info(HOSTS_STREAM, { subjects_filter: HOST_SUBJECTS });
  const subjects = Object.keys(state.subjects ?? {});
  const hosts = await Promise.all(subjects.map((subject) => hostState(manager, subject, brokerNowMs)));
  return hosts.filter((host) => host !== undefined).sort((a, b) => (a.host < b.host ? -1 : 1));
}

async function hostState(
  manager: JetStreamManager,
  subject: string,
  brokerNowMs: number,
): Promise<HostState | undefined> {
  const message = await manager.streams.getMessage(HOSTS_STREAM, { last_by_subj: subject });
  const host = message === null ? undefined : HostAnnouncement.safeParse(parseJson(message.string())).data;
  if (message === null || host === undefined) return undefined;
  const storedMs = Date.parse(message.timestamp);
  // The bucket keeps an announcement for as long as the longest lease. A host with a shorter one may be gone.
  if (brokerNowMs - storedMs > host.leaseMs) return undefined;
  return host.at === undefined ? host : { ...host, clockAheadMs: Date.parse(host.at) - storedMs };
}

/** What `asked` gives, or `otherwise` if its stream is missing. */
async function unlessMissing<T, U>(asked: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await asked;
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === API_CODE.streamNotFound) return otherwise;
    throw thrown;
  }
}
