import { randomUUID } from 'node:crypto';
import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { type HostAnnouncement, hostKey } from '../../shared/api/host-announcement.ts';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { API_CODE } from '../../shared/nats/api-error.ts';
import { HOSTS_BUCKET, OPERATIONS_BUCKET, OPERATIONS_STREAM } from '../../shared/nats/streams.ts';
import { parseJson } from '../../shared/text/json/parse-json.ts';
import { startInterval, startTimer, type Timer } from '../../shared/timers.ts';
import { HEADER } from '../../shared/wire/headers.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import type { WorkerLogger } from '../log.ts';
import type { BrokerRetry } from './broker-retry.ts';
import { describeFailure } from './checks/failure-reason.ts';
import { ifThere } from './connection/api-error.ts';
import type { Broker } from './connection/broker.ts';
import type { HostWatch } from './host-watch.ts';
import { lastMessage } from './last-message.ts';
import { isForbidden } from './permissions/permission-watch.ts';
import { messageHeaders } from './stored-publisher.ts';

interface AnnouncerParts {
  readonly broker: Pick<Broker, 'jetStream' | 'manager'>;
  readonly host: HostAnnouncement;
  /** The definitions of the operations that the host can run. */
  readonly operations: readonly OperationAnnouncement[];
  readonly others: Pick<HostWatch, 'runs'>;
  readonly renewMs: number;
  readonly retry: Pick<BrokerRetry, 'failed' | 'run' | 'works'>;
  readonly log: Pick<WorkerLogger, 'warn'>;
}

/** The pause after a renewal that failed. The buckets may be gone, and nobody can submit a job until they have their entries again. */
const AGAIN_MS = 2_000;
/** What cannot be done while renewals fail. */
const RENEWING = 'announcements cannot be renewed';

/** Where this process says that it is there. */
interface HostEntry {
  /** The key of this process. Two hosts may have one name: containers on one machine, or copies of one configuration. */
  readonly key: string;
  readonly bucket: KV;
}

/**
 * Says what this host can run, and says it again for as long as it lives. `HOSTS` gets an announcement of the host at each
 * renewal. `OPERATIONS` gets the definition of each operation at the start, and again where it is missing or was changed.
 */
export class HostAnnouncer {
  readonly #parts: AnnouncerParts;
  readonly #entry: HostEntry;
  readonly #timer: Timer;
  #renewing: Promise<void>;
  /** Runs after a renewal that failed. */
  #again: Timer | undefined;
  #isStopping = false;
  #seen = '';

  private constructor(parts: AnnouncerParts, entry: HostEntry, started: Promise<void>) {
    this.#parts = parts;
    this.#entry = entry;
    this.#renewing = started;
    this.#timer = startInterval(parts.renewMs, () => this.#renew());
  }

  /**
   * Announces the host, and renews that from then on.
   * @throws ThroughlineError `config-invalid` if this user may not announce anything; whatever the NATS client throws
   */
  static async start(parts: AnnouncerParts): Promise<HostAnnouncer> {
    try {
      return await HostAnnouncer.#start(parts);
    } catch (cause) {
      if (cause instanceof JetStreamApiError) {
        const message = `NATS does not store what the host can run, in the buckets ${HOSTS_BUCKET} and ${OPERATIONS_BUCKET}: ${describeFailure(cause)}`;
        throw new ThroughlineError('broker-unavailable', message, { cause });
      }
      if (!isForbidden(cause)) throw cause;
      const message = `this user may not announce what the host can run, in the buckets ${HOSTS_BUCKET} and ${OPERATIONS_BUCKET}; deploy/nats/permissions.conf lists what a worker needs`;
      throw new ThroughlineError('config-invalid', message, { cause });
    }
  }

  static async #start(parts: AnnouncerParts): Promise<HostAnnouncer> {
    const kvm = new Kvm(parts.broker.jetStream);
    const entry = {
      key: hostKey(`${parts.host.host} ${randomUUID()}`),
      bucket: await kvm.open(HOSTS_BUCKET),
    };
    // The host first: an operation that becomes known has a host then.
    await announceHost(parts, entry);
    await Promise.all(
      parts.operations.map(async (operation) => {
        const stored = await storedDefinition(parts.broker.manager, operation.name);
        // A process before this one may have had the name of this host. When it counts no longer, an older version would take its place.
        const isOfNamesake = stored?.writer?.host === parts.host.host && !isWriter(parts.host, stored.writer);
        if (stored?.text !== textOf(operation) || isOfNamesake) await define(parts, operation);
      }),
    );
    return new HostAnnouncer(parts, entry, Promise.resolve());
  }

  /**
   * Whether another host, which is alive, has announced another version of an operation of this host since.
   * @throws ThroughlineError `broker-unavailable`
   */
  async isReplaced(name: string): Promise<boolean> {
    const { operations, broker, retry } = this.#parts;
    const own = operations.find((operation) => operation.name === name);
    if (own === undefined) return false;
    const stored = await retry.run('definitions of operations cannot be read', () =>
      storedDefinition(broker.manager, name),
    );
    return stored?.text !== textOf(own) && this.#isOthers(name, stored);
  }

  /** Says again what this host can run: the server may have started with an empty store. */
  reconnected(): void {
    this.#renew();
  }

  /** Ends the renewals, and says that the host takes no more jobs. Never throws. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#timer.stop();
    await this.#renewing;
    this.#again?.stop();
    await this.#entry.bucket
      .delete(this.#entry.key)
      .catch((thrown: unknown) => this.#warn(thrown, 'the host could not say that it stops'));
  }

  #renew(): void {
    // The connection may come back while the last jobs end. Others must not count on this host then.
    if (this.#isStopping) return;
    this.#renewing = this.#renewing
      .then(() => announceHost(this.#parts, this.#entry))
      .then(() => this.#renewDefinitions())
      .then(() => {
        this.#again?.stop();
        this.#again = undefined;
        this.#parts.retry.works(RENEWING);
      })
      .catch(async (thrown: unknown) => {
        // One line for all that fail in a row.
        if (this.#again === undefined) this.#warn(thrown, 'announcement not renewed; it is tried again');
        this.#again?.stop();
        this.#again = startTimer(AGAIN_MS, () => this.#renew());
        await this.#parts.retry.failed(RENEWING, thrown);
      });
  }

  /** One request tells whether anything in the bucket has changed. Only then are the definitions read. */
  async #renewDefinitions(): Promise<void> {
    const { manager } = this.#parts.broker;
    const { created, state } = await manager.streams.info(OPERATIONS_STREAM);
    const seen = `${created} ${state.last_seq} ${state.messages}`;
    if (seen === this.#seen) return;
    let areOurs = true;
    for (const operation of this.#parts.operations)
      areOurs = (await this.#renewDefinition(operation)) && areOurs;
    // The host that wrote another definition may leave without a change of this bucket.
    this.#seen = areOurs ? seen : '';
  }

  /**
   * The last host that wrote a definition counts while it lives. So two versions of an operation do not take turns.
   * @returns whether the definition is this host's now
   */
  async #renewDefinition(operation: OperationAnnouncement): Promise<boolean> {
    const stored = await storedDefinition(this.#parts.broker.manager, operation.name);
    if (stored?.text === textOf(operation)) return true;
    if (this.#isOthers(operation.name, stored)) return false;
    await define(this.#parts, operation);
    return true;
  }

  /** Whether a definition is of another host, which is alive and still has the operation. */
  #isOthers(operation: string, definition: StoredDefinition | undefined): boolean {
    const { others, host } = this.#parts;
    const { writer } = definition ?? {};
    return writer !== undefined && !isWriter(host, writer) && others.runs(writer, operation);
  }

  #warn(thrown: unknown, message: string): void {
    this.#parts.log.warn({ reason: describeThrown(thrown) }, message);
  }
}

async function announceHost({ host }: AnnouncerParts, { key, bucket }: HostEntry): Promise<void> {
  await bucket.put(key, writeJson({ ...host, at: new Date().toISOString() } satisfies HostAnnouncement));
}

async function define({ broker, host }: AnnouncerParts, operation: OperationAnnouncement): Promise<void> {
  const headers = messageHeaders((set) => set(HEADER.startedAt, host.since));
  const body = writeJson({ ...operation, host: host.host });
  await broker.jetStream.publish(subjectOf(operation.name), body, { headers });
}

/** A definition as the bucket holds it, and the host that wrote it. */
interface StoredDefinition {
  readonly text: string;
  readonly writer: Writer | undefined;
}

/** The host that wrote a definition. */
interface Writer {
  readonly host: string;
  /** When it started, since two hosts may have one name; undefined if it does not say so, such as a host of an earlier version. */
  readonly since: string | undefined;
}

/** Whether a host wrote a definition. Of two hosts with one name, only one did. */
function isWriter({ host, since }: HostAnnouncement, writer: Writer): boolean {
  return writer.host === host && (writer.since ?? since) === since;
}

/** The definition of an operation in the bucket; undefined where there is none that can be read, or no bucket. */
async function storedDefinition(
  manager: JetStreamManager,
  name: string,
): Promise<StoredDefinition | undefined> {
  const read = lastMessage(manager, OPERATIONS_STREAM, subjectOf(name));
  const message = await ifThere(read, API_CODE.streamNotFound);
  const value = message === undefined ? undefined : parseJson(message.string());
  if (typeof value !== 'object' || value === null) return undefined;
  const { host, ...definition } = value as Record<string, unknown>;
  const since = message?.header?.get(HEADER.startedAt) || undefined;
  return { text: textOf(definition), writer: typeof host === 'string' ? { host, since } : undefined };
}

function subjectOf(operation: string): string {
  return `$KV.${OPERATIONS_BUCKET}.${operation}`;
}

function textOf(definition: object): string {
  return JSON.stringify(definition);
}
