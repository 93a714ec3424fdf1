import type { ConsumerConfig, ConsumerInfo, JetStreamManager } from '@nats-io/jetstream';
import {
  type ConsumerDefinition,
  filtersOf,
  groupConsumers,
  isOfCopy,
  JOBS_STREAM,
  type RouteConsumer,
} from '../../../shared/nats/streams.ts';
import { groupOfConsumer } from '../../../shared/wire/lanes.ts';
import { filtersOverlap, operationsOfFilter } from '../../../shared/wire/subjects.ts';
import type { WorkerConfig } from '../../config.ts';

/** What a consumer without a filter takes. */
const ALL = 'jobs.>';

/** The consumers of a worker group: one for each route, or one that another program made. */
export interface Group {
  readonly name: string;
  readonly consumers: readonly ConsumerInfo[];
}

/** The consumers of this worker group in the queue. */
export function jobConsumers(config: WorkerConfig): RouteConsumer[] {
  return groupConsumers({
    group: config.WORKER_GROUP,
    operations: config.WORKER_OPERATIONS,
    ackWaitMs: config.WORKER_ACK_WAIT_MS,
    maxAckPending: config.WORKER_MAX_ACK_PENDING,
    ownLanes: config.WORKER_OWN_LANES,
  });
}

/** @throws whatever the NATS client throws */
export async function readGroups(manager: JetStreamManager): Promise<Group[]> {
  const consumers: ConsumerInfo[] = [];
  for await (const info of manager.consumers.list(JOBS_STREAM))
    if (!isOfCopy(info.config)) consumers.push(info);
  return [...Map.groupBy(consumers, ({ name }) => groupOfConsumer(name))].map(([name, own]) => ({
    name,
    consumers: own,
  }));
}

/** The subjects that a consumer takes. */
export function filtersOfConsumer(
  config: Pick<ConsumerDefinition | ConsumerConfig, 'filter_subject' | 'filter_subjects'>,
): readonly string[] {
  return filtersOf(config, ALL);
}

/** The operations that consumers take: the filters of `WORKER_OPERATIONS`. */
export function operationsOf(consumers: readonly ConsumerInfo[]): string[] {
  return [...new Set(consumers.flatMap(({ config }) => filtersOfConsumer(config)).map(operationsOfFilter))];
}

/** Whether a consumer takes some of the messages that another one would take. */
export function overlaps(info: ConsumerInfo, definition: ConsumerDefinition): boolean {
  const wanted = filtersOfConsumer(definition);
  return filtersOfConsumer(info.config).some((one) => wanted.some((filter) => filtersOverlap(one, filter)));
}

/** The operations of a group, for a sentence. */
export function shownOperations({ consumers }: Group): string {
  return operationsOf(consumers)
    .map((operations) => `"${operations}"`)
    .join(' and ');
}
