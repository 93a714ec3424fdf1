import { type ConsumerConfig, JetStreamApiError } from '@nats-io/jetstream';
import { ThroughlineError } from '../../shared/errors.ts';
import { isOverlapCode } from '../../shared/nats/api-error.ts';
import type { ConsumerDefinition } from '../../shared/nats/streams.ts';
import type { Broker } from './connection/broker.ts';

/** What NATS does with a consumer: create a missing one, or update one that is there. */
type ConsumerAction = 'create' | 'update';

interface ApiAnswer {
  readonly error?: ConstructorParameters<typeof JetStreamApiError>[0];
}

/** The answer of a server that understood a request, and does not do it. It would answer the same again. */
const REFUSED = 400;

/**
 * Creates or updates a durable consumer. The subject of the request names the consumer and its filter, so that NATS can permit
 * exactly that. The request for a consumer with several filters names the consumer only. The client (jetstream 3.4.0) would
 * ask for that on an older subject, on which there is no action either, so this function asks itself.
 * @param config the whole definition
 * @throws ThroughlineError `config-invalid` if the server refuses; JetStreamApiError if another consumer takes some of the same
 *   messages; whatever the NATS client throws
 */
export async function storeConsumer(
  broker: Pick<Broker, 'connection' | 'manager'>,
  stream: string,
  config: Partial<ConsumerConfig> | ConsumerDefinition,
  action: ConsumerAction,
): Promise<void> {
  try {
    await store(broker, stream, { ...config } as Partial<ConsumerConfig>, action);
  } catch (cause) {
    if (!(cause instanceof JetStreamApiError) || cause.status !== REFUSED || isOverlapCode(cause.code))
      throw cause;
    const message = `consumer ${config.durable_name} of ${stream}: the server does not ${action} it: ${cause.message}`;
    throw new ThroughlineError('config-invalid', message, { cause });
  }
}

async function store(
  { connection, manager }: Pick<Broker, 'connection' | 'manager'>,
  stream: string,
  wanted: Partial<ConsumerConfig>,
  action: ConsumerAction,
): Promise<void> {
  const name = wanted.durable_name ?? '';
  if (wanted.filter_subjects === undefined) {
    if (action === 'create') await manager.consumers.add(stream, wanted);
    else await manager.consumers.update(stream, name, wanted);
    return;
  }
  const request = { stream_name: stream, config: wanted, action };
  const reply = await connection.request(
    `$JS.API.CONSUMER.CREATE.${stream}.${name}`,
    JSON.stringify(request),
  );
  const { error } = reply.json<ApiAnswer>();
  if (error !== undefined) throw new JetStreamApiError(error);
}
