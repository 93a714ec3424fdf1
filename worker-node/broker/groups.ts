import { setTimeout as delay } from 'node:timers/promises';
import { type ConsumerInfo, JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import { ThroughlineError } from '../../shared/errors.ts';
import { API_CODE } from '../../shared/nats/api-error.ts';
import {
  type ConsumerDefinition,
  consumerDefinition,
  JOBS_STREAM,
  NANOS_PER_MS,
} from '../../shared/nats/streams.ts';
import { filtersOverlap, groupFilter, INBOX, operationsOfFilter } from '../../shared/wire/subjects.ts';
import { workerConfig } from '../config.ts';
import { connectBroker } from './connect.ts';
import { readHosts } from './host-watch.ts';

const PULL_LOOKS = 10;
const PULL_LOOK_MS = 200;

/** A worker group: a durable consumer of `JOBS`, which the hosts of the group share. */
export interface WorkerGroup {
  readonly name: string;
  /** The operations that it takes, as in `WORKER_OPERATIONS`; several where somebody else made the consumer. */
  readonly operations: readonly string[];
  /** The names of its hosts that are alive. */
  readonly hosts: readonly string[];
  /** Jobs that none of its hosts got yet. */
  readonly waiting: number;
  /** Jobs that its hosts run, or handed back for later. */
  readonly unsettled: number;
}

export interface GroupMove {
  readonly from: string;
  readonly to: string;
  /** The new `WORKER_OPERATIONS`; undefined: as before. */
  readonly operations: string | undefined;
  /** Whether to do it also while hosts of the group are alive. */
  readonly force: boolean;
}

/** The worker groups of a NATS, and what an operator may do with them. */
export class WorkerGroups {
  readonly #manager: JetStreamManager;

  constructor(manager: JetStreamManager) {
    this.#manager = manager;
  }

  /** All groups, by name. @throws whatever the NATS client throws */
  async list(): Promise<WorkerGroup[]> {
    const [consumers, hosts] = await Promise.all([groupConsumers(this.#manager), readHosts(this.#manager)]);
    return consumers
      .map((info) => ({
        name: info.name,
        operations: filtersOf(info).map(operationsOfFilter),
        hosts: hosts.filter(({ group }) => group === info.name).map(({ host }) => host),
        waiting: info.num_pending,
        unsettled: info.num_ack_pending,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Gives the jobs of a group to a group of another name, or gives a group other operations. Jobs that were handed back for
   * later come at once.
   * @throws ThroughlineError `request-invalid` where there is no such group, where its hosts are alive, or where another
   *   group takes some of the operations; `config-invalid` for operations that are no filter
   */
  async move({ from, to, operations, force }: GroupMove): Promise<WorkerGroup> {
    const old = await this.#find(from);
    const filter = operations === undefined ? filtersOf(old)[0] : groupFilter(operations);
    const definition = definitionOf(old, to, filter ?? 'jobs.>');
    await this.#refuseIfTaken(from, definition);
    if (!force) await this.#refuseIfAlive(old);
    await this.#manager.consumers.delete(JOBS_STREAM, from);
    await this.#manager.consumers.add(JOBS_STREAM, { ...definition }).catch(async (thrown: unknown) => {
      await this.#manager.consumers.add(JOBS_STREAM, old.config);
      throw thrown;
    });
    const moved = (await this.list()).find(({ name }) => name === to);
    if (moved === undefined) throw new ThroughlineError('internal', `the group ${to} was not made`);
    return moved;
  }

  /**
   * Removes a group. No job is lost: those that it had wait for another group that takes their operations.
   * @returns the group as it was
   * @throws ThroughlineError `request-invalid` where there is no such group, or where its hosts are alive
   */
  async remove(name: string, force: boolean): Promise<WorkerGroup> {
    const info = await this.#find(name);
    if (!force) await this.#refuseIfAlive(info);
    const group = (await this.list()).find((one) => one.name === name);
    await this.#manager.consumers.delete(JOBS_STREAM, name);
    if (group === undefined) throw unknownGroup(name, []);
    return group;
  }

  async #find(name: string): Promise<ConsumerInfo> {
    const consumers = await groupConsumers(this.#manager);
    const found = consumers.find((info) => info.name === name);
    if (found !== undefined) return found;
    throw unknownGroup(
      name,
      consumers.map((info) => info.name),
    );
  }

  async #refuseIfTaken(from: string, { durable_name, filter_subject }: ConsumerDefinition): Promise<void> {
    const others = (await groupConsumers(this.#manager)).filter(({ name }) => name !== from);
    const sameName = others.find(({ name }) => name === durable_name);
    if (sameName !== undefined) {
      const message = `there is a group ${durable_name} already; remove it first: throughline groups remove ${durable_name}`;
      throw new ThroughlineError('request-invalid', message);
    }
    const overlapping = others.find((info) => overlaps(info, filter_subject));
    if (overlapping === undefined) return;
    const message = `the group ${overlapping.name} takes ${shownOperations(overlapping)}: a job goes to one group only`;
    throw new ThroughlineError('request-invalid', message);
  }

  /** A host that runs would create its group again, and its running jobs would start a second time. */
  async #refuseIfAlive({ name }: ConsumerInfo): Promise<void> {
    const hosts = (await readHosts(this.#manager)).filter(({ group }) => group === name);
    if (hosts.length === 0 && !(await this.#isPulled(name))) return;
    const names = hosts.length === 0 ? 'that pull jobs' : `(${hosts.map(({ host }) => host).join(', ')})`;
    const message = `the group ${name} has hosts ${names}: stop them first. A host that died counts for up to 90 s. With --force, their running jobs start again on other hosts`;
    throw new ThroughlineError('request-invalid', message);
  }

  /** Whether somebody pulls from a group. The server forgets the pulls of a host that has left only after a moment. */
  async #isPulled(name: string): Promise<boolean> {
    for (let look = 1; look <= PULL_LOOKS; look++) {
      const { num_waiting } = await this.#manager.consumers.info(JOBS_STREAM, name);
      if (num_waiting === 0) return false;
      await delay(PULL_LOOK_MS);
    }
    return true;
  }
}

/**
 * Connects to NATS with the worker's settings, for as long as `work` takes.
 * @throws ThroughlineError `config-invalid`, `broker-unavailable`, or whatever `work` throws
 */
export async function withGroups<T>(
  environment: Readonly<Record<string, string | undefined>>,
  work: (groups: WorkerGroups) => Promise<T>,
): Promise<T> {
  const config = workerConfig(environment);
  const { connection, manager } = await connectBroker(
    { ...config, WORKER_NAME: 'throughline-groups' },
    INBOX.setup,
  );
  try {
    return await work(new WorkerGroups(manager));
  } catch (thrown) {
    if (!(thrown instanceof JetStreamApiError) || thrown.code !== API_CODE.streamNotFound) throw thrown;
    throw new ThroughlineError('config-invalid', `a stream is missing; run \`throughline setup\``, {
      cause: thrown,
    });
  } finally {
    await connection.close();
  }
}

/**
 * The error of a group that the server refuses, since another group takes some of the same operations.
 * @param definition the consumer of the group that was refused
 */
export async function overlapError(
  manager: JetStreamManager,
  { durable_name: group, filter_subject }: ConsumerDefinition,
  cause: unknown,
): Promise<ThroughlineError> {
  const consumers = await groupConsumers(manager).catch(() => []);
  const other = consumers.find((info) => info.name !== group && overlaps(info, filter_subject));
  const settings = `WORKER_GROUP "${group}" with WORKER_OPERATIONS "${operationsOfFilter(filter_subject)}"`;
  const them = other === undefined ? 'another group' : `the group "${other.name}"`;
  const takes = other === undefined ? 'some of the same operations' : shownOperations(other);
  const name = other?.name ?? '<group>';
  const ways = `join it (WORKER_GROUP=${name}), choose other WORKER_OPERATIONS, or give its jobs to this group: throughline groups move ${name} ${group}`;
  const message = `${settings} is in the way of ${them}, which takes ${takes}: a job goes to one group only. You can ${ways}`;
  return new ThroughlineError('config-invalid', message, { cause });
}

async function groupConsumers(manager: JetStreamManager): Promise<ConsumerInfo[]> {
  const consumers: ConsumerInfo[] = [];
  for await (const info of manager.consumers.list(JOBS_STREAM)) consumers.push(info);
  return consumers;
}

function definitionOf({ config }: ConsumerInfo, group: string, filterSubject: string): ConsumerDefinition {
  return consumerDefinition({
    group,
    filterSubject,
    ackWaitMs: (config.ack_wait ?? 0) / NANOS_PER_MS,
    maxAckPending: config.max_ack_pending ?? 0,
  });
}

/** A consumer without a filter takes everything. */
function filtersOf({ config }: ConsumerInfo): string[] {
  return config.filter_subjects ?? [config.filter_subject ?? 'jobs.>'];
}

function overlaps(info: ConsumerInfo, filter: string): boolean {
  return filtersOf(info).some((one) => filtersOverlap(one, filter));
}

function shownOperations(info: ConsumerInfo): string {
  return filtersOf(info)
    .map((filter) => `"${operationsOfFilter(filter)}"`)
    .join(' and ');
}

function unknownGroup(name: string, known: readonly string[]): ThroughlineError {
  const there = known.length === 0 ? 'there is none' : `there are ${known.join(', ')}`;
  return new ThroughlineError('request-invalid', `there is no group ${name}; ${there}`);
}
