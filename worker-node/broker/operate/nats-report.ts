import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { HostAnnouncement } from '../../../shared/api/host-announcement.ts';
import type { Pause } from '../../../shared/api/pause.ts';
import { API_CODE } from '../../../shared/nats/api-error.ts';
import { capOf } from '../../../shared/nats/store-caps.ts';
import { HOST_SUBJECTS, HOSTS_STREAM, streamDefinitions } from '../../../shared/nats/streams.ts';
import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { clockDifference } from '../checks/clock-check.ts';
import { ifThere } from '../connection/api-error.ts';
import type { Broker } from '../connection/broker.ts';
import { isClustered, serverVersion } from '../connection/server.ts';
import { type WorkerGroup, WorkerGroups } from '../groups/worker-groups.ts';
import { lastMessages } from '../last-message.ts';
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
    groups: (await ifStream(new WorkerGroups(broker).list())) ?? [],
    hosts: (await ifStream(hostStates(manager, Date.now() - (clockAheadMs ?? 0)))) ?? [],
    operations: (await ifStream(knownOperations(manager))) ?? [],
    paused: Object.fromEntries((await ifStream(readPauses(manager))) ?? []),
  };
}

async function streamState(manager: JetStreamManager, name: string): Promise<StreamState> {
  const info = await ifStream(manager.streams.info(name));
  if (info === undefined) return { name, exists: false, messages: 0, bytes: 0 };
  const { messages, bytes } = info.state;
  const maxBytes = capOf(info.config);
  return { name, exists: true, messages, bytes, ...(maxBytes === undefined ? {} : { maxBytes }) };
}

/** The hosts whose announcements the bucket holds, with the difference between their clocks and that of NATS. */
async function hostStates(manager: JetStreamManager, brokerNowMs: number): Promise<HostState[]> {
  const hosts: HostState[] = [];
  for await (const message of lastMessages(manager, HOSTS_STREAM, HOST_SUBJECTS)) {
    const host = hostState(message, brokerNowMs);
    if (host !== undefined) hosts.push(host);
  }
  return hosts.sort((a, b) => (a.host < b.host ? -1 : 1));
}

function hostState(message: StoredMsg, brokerNowMs: number): HostState | undefined {
  const host = HostAnnouncement.safeParse(parseJson(message.string())).data;
  if (host === undefined) return undefined;
  const storedMs = Date.parse(message.timestamp);
  // The bucket keeps an announcement for as long as the longest lease. A host with a shorter one may be gone.
  if (brokerNowMs - storedMs > host.leaseMs) return undefined;
  return host.at === undefined ? host : { ...host, clockAheadMs: Date.parse(host.at) - storedMs };
}

/** What a stream gives; undefined if it is missing. */
async function ifStream<T>(asked: Promise<T>): Promise<T | undefined> {
  return await ifThere(asked, API_CODE.streamNotFound);
}
