import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumerConfig, ConsumerInfo, JetStreamManager } from '@nats-io/jetstream';
import { ThroughlineError } from '../../../shared/errors.ts';
import {
  type ConsumerDefinition,
  groupConsumers,
  JOBS_STREAM,
  NANOS_PER_MS,
  type RouteConsumer,
} from '../../../shared/nats/streams.ts';
import { shellCommand } from '../../../shared/text/terminal/shell-command.ts';
import { tenantOfFilter } from '../../../shared/wire/subjects.ts';
import type { Broker } from '../connection/broker.ts';
import { readHosts } from '../host-watch.ts';
import { storeConsumer } from '../store-consumer.ts';
import {
  filtersOfConsumer,
  type Group,
  operationsOf,
  overlaps,
  readGroups,
  shownOperations,
} from './group.ts';

const PULL_LOOKS = 10;
const PULL_LOOK_MS = 200;

/** A consumer of which NATS delivers nothing for a while. */
interface PausedConsumer {
  readonly consumer: string;
  readonly until: string;
}

/** A worker group: durable consumers of `JOBS`, one for each route, which the hosts of the group share. */
export interface WorkerGroup {
  readonly name: string;
  /** The operations that it takes: the filters of `WORKER_OPERATIONS`. */
  readonly operations: readonly string[];
  /** The names of its hosts that are alive. */
  readonly hosts: readonly string[];
  /** Jobs that none of its hosts got yet. */
  readonly waiting: number;
  /** Jobs that its hosts run, or handed back for later. */
  readonly unsettled: number;
  /** Requests of its hosts for jobs that NATS has not answered yet. None: nobody asks for jobs now. */
  readonly pulls: number;
  /** Its consumers that NATS pauses (`nats consumer pause`), and until when; absent if it pauses none. */
  readonly paused?: readonly PausedConsumer[];
}

/** What is needed to change worker groups. */
type GroupBroker = Pick<Broker, 'connection' | 'manager'>;

/** What {@link WorkerGroups.move} changes. */
interface GroupMove {
  readonly from: string;
  readonly to: string;
  /** The new `WORKER_OPERATIONS`; undefined: as before. */
  readonly operations: readonly string[] | undefined;
  /** Whether to do it also while hosts of the group are alive. */
  readonly force: boolean;
}

/** The worker groups of a NATS, and what an operator may do with them. */
export class WorkerGroups {
  readonly #broker: GroupBroker;
  readonly #manager: JetStreamManager;

  constructor(broker: GroupBroker) {
    this.#broker = broker;
    this.#manager = broker.manager;
  }

  /** All groups, by name. @throws whatever the NATS client throws */
  async list(): Promise<WorkerGroup[]> {
    const [groups, hosts] = await Promise.all([readGroups(this.#manager), readHosts(this.#manager)]);
    return groups
      .map(({ name, consumers }) => ({
        name,
        operations: operationsOf(consumers),
        hosts: hosts.filter(({ group }) => group === name).map(({ host }) => host),
        waiting: consumers.reduce((sum, { num_pending }) => sum + num_pending, 0),
        unsettled: consumers.reduce((sum, { num_ack_pending }) => sum + num_ack_pending, 0),
        pulls: consumers.reduce((sum, { num_waiting }) => sum + num_waiting, 0),
        ...pausedOf(consumers),
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
    const wanted = consumersOf(old, to, operations ?? operationsOf(old.consumers));
    await this.#refuseIfTaken(from, to, wanted);
    if (!force) await this.#refuseIfAlive(old);
    await this.#delete(old);
    try {
      await this.#create(wanted.map(({ definition }) => definition));
    } catch (thrown) {
      await this.#create(old.consumers.map(({ config }) => config));
      throw thrown;
    }
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
    const found = await this.#find(name);
    if (!force) await this.#refuseIfAlive(found);
    const group = (await this.list()).find((one) => one.name === name);
    if (group === undefined) throw unknownGroup(name, []);
    await this.#delete(found);
    return group;
  }

  async #delete({ consumers }: Group): Promise<void> {
    await Promise.all(consumers.map(({ name }) => this.#manager.consumers.delete(JOBS_STREAM, name)));
  }

  /** Creates the consumers that are not there. */
  async #create(definitions: readonly (Partial<ConsumerConfig> | ConsumerDefinition)[]): Promise<void> {
    await Promise.all(
      definitions.map((definition) => storeConsumer(this.#broker, JOBS_STREAM, definition, 'create')),
    );
  }

  async #find(name: string): Promise<Group> {
    const groups = await readGroups(this.#manager);
    const found = groups.find((group) => group.name === name);
    if (found !== undefined) return found;
    throw unknownGroup(
      name,
      groups.map((group) => group.name),
    );
  }

  async #refuseIfTaken(from: string, to: string, wanted: readonly RouteConsumer[]): Promise<void> {
    const others = (await readGroups(this.#manager)).filter(({ name }) => name !== from);
    if (others.some(({ name }) => name === to)) {
      const message = `there is a group ${to} already; remove it first: ${shellCommand('throughline groups remove', to)}`;
      throw new ThroughlineError('request-invalid', message);
    }
    const overlapping = others.find(({ consumers }) =>
      wanted.some(({ definition }) => consumers.some((info) => overlaps(info, definition))),
    );
    if (overlapping === undefined) return;
    const message = `the group ${overlapping.name} takes ${shownOperations(overlapping)}: a job goes to one group only`;
    throw new ThroughlineError('request-invalid', message);
  }

  /** A host that runs would create its group again, and its running jobs would start a second time. */
  async #refuseIfAlive(group: Group): Promise<void> {
    const { name } = group;
    const hosts = (await readHosts(this.#manager)).filter((host) => host.group === name);
    if (hosts.length === 0 && !(await this.#isPulled(group))) return;
    const names = hosts.length === 0 ? 'that pull jobs' : `(${hosts.map(({ host }) => host).join(', ')})`;
    const message = `the group ${name} has hosts ${names}: stop them first. A host that died counts for up to 90 s. With --force, their running jobs start again on other hosts`;
    throw new ThroughlineError('request-invalid', message);
  }

  /** Whether somebody pulls from a group. The server forgets the pulls of a host that has left only after a moment. */
  async #isPulled({ consumers }: Group): Promise<boolean> {
    for (let look = 1; look <= PULL_LOOKS; look++) {
      const infos = consumers.map(({ name }) => this.#manager.consumers.info(JOBS_STREAM, name));
      if ((await Promise.all(infos)).every(({ num_waiting }) => num_waiting === 0)) return false;
      await delay(PULL_LOOK_MS);
    }
    return true;
  }
}

/** The consumers of the group `to`, with the limits of an old group. */
function consumersOf({ consumers }: Group, to: string, operations: readonly string[]): RouteConsumer[] {
  const limits = consumers.map(({ config }) => config.max_ack_pending ?? 0);
  return groupConsumers({
    group: to,
    operations,
    ackWaitMs: (consumers[0]?.config.ack_wait ?? 0) / NANOS_PER_MS,
    // The consumers of ordered lanes have a limit of 1.
    maxAckPending: Math.max(...limits),
    ownLanes: [
      ...new Set(
        consumers
          .flatMap(({ config }) => filtersOfConsumer(config))
          .flatMap((filter) => tenantOfFilter(filter) ?? []),
      ),
    ],
  });
}

function pausedOf(consumers: readonly ConsumerInfo[]): Pick<WorkerGroup, 'paused'> {
  const paused = consumers
    .filter((info) => info.paused === true)
    .map(({ name, config }) => ({ consumer: name, until: config.pause_until ?? 'unknown' }));
  return paused.length === 0 ? {} : { paused };
}

function unknownGroup(name: string, known: readonly string[]): ThroughlineError {
  const there = known.length === 0 ? 'there is none' : `there are ${known.join(', ')}`;
  return new ThroughlineError('request-invalid', `there is no group ${name}; ${there}`);
}
