import { isDeepStrictEqual } from 'node:util';
import {
  type ConsumerConfig,
  JetStreamApiError,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import { ThroughlineError } from '../../shared/errors.ts';
import { BINDING_SETTINGS, type ConsumerDefinition, type StreamDefinition } from '../../shared/streams.ts';

const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;

/**
 * Creates a stream that is not there yet, and checks one that is.
 * @throws ThroughlineError `config-invalid` naming the stream and the setting that breaks a promise
 */
export async function ensureStream(manager: JetStreamManager, definition: StreamDefinition): Promise<void> {
  const existing = await find(() => manager.streams.info(definition.name), STREAM_NOT_FOUND);
  if (existing === undefined) {
    await manager.streams.add(definition as unknown as Partial<StreamConfig> & { name: string });
    return;
  }
  // A queue of the time before the server had schedules.
  if (definition.sources !== undefined && existing.config.sources === undefined) {
    const { sources } = definition as unknown as Required<Pick<StreamConfig, 'sources'>>;
    await manager.streams.update(definition.name, { ...existing.config, sources });
  }
  const actual: Readonly<Record<string, unknown>> = { ...existing.config };
  for (const setting of BINDING_SETTINGS) {
    if (!isDeepStrictEqual(actual[setting], definition[setting])) {
      throw new ThroughlineError(
        'config-invalid',
        `stream ${definition.name}: ${setting} is ${JSON.stringify(actual[setting])}, but must be ${JSON.stringify(definition[setting])}`,
      );
    }
  }
}

/**
 * Creates a consumer of `stream`, or brings the waiting time and the limit of an existing one up to date.
 * @throws ThroughlineError `config-invalid` when a worker group already has another filter
 */
export async function ensureConsumer(
  manager: JetStreamManager,
  stream: string,
  definition: ConsumerDefinition,
): Promise<void> {
  const { durable_name: name, filter_subject: filter } = definition;
  const existing = await find(() => manager.consumers.info(stream, name), CONSUMER_NOT_FOUND);
  if (existing === undefined) {
    await manager.consumers.add(stream, definition as Partial<ConsumerConfig>);
    return;
  }
  if (existing.config.filter_subject !== filter) {
    throw new ThroughlineError(
      'config-invalid',
      `worker group ${name}: it takes ${existing.config.filter_subject}, not ${filter}; use another WORKER_GROUP for other WORKER_OPERATIONS`,
    );
  }
  const { ack_wait, max_ack_pending } = definition;
  await manager.consumers.update(stream, name, { ack_wait, max_ack_pending });
}

async function find<T>(look: () => Promise<T>, notFound: number): Promise<T | undefined> {
  try {
    return await look();
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && thrown.code === notFound) return undefined;
    throw thrown;
  }
}
