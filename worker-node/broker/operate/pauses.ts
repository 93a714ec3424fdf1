import { type KV, Kvm } from '@nats-io/kv';
import { type PauseRecord, pauseKey } from '../../../shared/api/pause.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { OPERATIONS_BUCKET, PAUSE_SUBJECTS } from '../../../shared/nats/streams.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import type { Broker } from '../connection/broker.ts';
import { readPauses } from '../pause-watch.ts';
import { isForbidden } from '../permissions/permission-watch.ts';
import { knownOperations } from './known-operations.ts';

/** An operation that was paused or resumed. */
export interface PauseChange extends PauseRecord {
  readonly operation: string;
  /** Whether it was so before; then nothing was written. */
  readonly unchanged: boolean;
}

/**
 * Pauses an operation, or resumes it. All hosts follow at once; those that start later follow too.
 * @throws ThroughlineError `operation-unknown` if no worker has announced it, `config-invalid` if this user may not write
 *   pauses; whatever the NATS client throws
 */
export async function setPause(
  broker: Pick<Broker, 'jetStream' | 'manager'>,
  operation: string,
  record: PauseRecord,
): Promise<PauseChange> {
  const before = (await readPauses(broker.manager)).get(operation);
  if (before === undefined) await refuseUnknown(broker, operation);
  if ((before !== undefined) === record.paused) return { operation, ...record, ...before, unchanged: true };
  const bucket = await new Kvm(broker.jetStream).open(OPERATIONS_BUCKET);
  await write(bucket, operation, record);
  return { operation, ...record, unchanged: false };
}

async function write(bucket: KV, operation: string, record: PauseRecord): Promise<void> {
  try {
    await bucket.put(pauseKey(operation), writeJson(record));
  } catch (cause) {
    if (!isForbidden(cause)) throw cause;
    const message = `this user may not pause operations; it needs to publish on ${PAUSE_SUBJECTS}, as SETUP_PERMISSIONS in deploy/nats/permissions.conf`;
    throw new ThroughlineError('config-invalid', message, { cause });
  }
}

/** A misspelt name would pause or resume nothing, and nobody would know. */
async function refuseUnknown(broker: Pick<Broker, 'manager'>, operation: string): Promise<void> {
  const known = await knownOperations(broker.manager);
  if (known.includes(operation)) return;
  const there = known.length === 0 ? 'none is announced' : `there are ${known.join(', ')}`;
  throw new ThroughlineError('operation-unknown', `no worker has announced ${operation}; ${there}`);
}
