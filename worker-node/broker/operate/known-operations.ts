import type { JetStreamManager } from '@nats-io/jetstream';
import { pausedOperation } from '../../../shared/api/pause.ts';
import { OPERATIONS_BUCKET, OPERATIONS_STREAM } from '../../../shared/nats/streams.ts';

const KEYS = `$KV.${OPERATIONS_BUCKET}.`;

/** The names of all operations that were announced, sorted. @throws whatever the NATS client throws */
export async function knownOperations(manager: JetStreamManager): Promise<string[]> {
  const { state } = await manager.streams.info(OPERATIONS_STREAM, { subjects_filter: `${KEYS}>` });
  return Object.keys(state.subjects ?? {})
    .map((subject) => subject.slice(KEYS.length))
    .filter((key) => pausedOperation(key) === undefined)
    .sort();
}
