import type { ConsumerConfig, ConsumerInfo, JetStreamManager } from '@nats-io/jetstream';
import { type ConsumerDefinition, filtersOf, JOBS_STREAM } from '../../../shared/nats/streams.ts';
import { groupOfConsumer } from '../../../shared/wire/lanes.ts';
import { filtersOverlap, operationsOfFilter } from '../../../shared/wire/subjects.ts';

/** What a consumer without a filter takes. */
const ALL = 'jobs.>';

/** The consumers of a worker group: one for each route, or one that another program made. */
export interface Group {
  readonly name: string;
  readonly consumers: readonly ConsumerInfo[];
}

/** @throws whatever the NATS client throws */
export async function readGroups(manager: JetStreamManager): Promise<Group[]> {
  const consumers: ConsumerInfo[] = [];
  for await (const info of manager.consumers.list(JOBS_STREAM)) consumers.push(info);
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
