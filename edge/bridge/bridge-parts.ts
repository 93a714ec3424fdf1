import type { Job } from '../../shared/job/job.ts';
import type { BrokerConnection } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { OperationDirectory } from '../operations/operation-directory.ts';
import type { SavedOperations } from '../operations/saved-operations.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Logger } from '../telemetry/log.ts';

/** What a submission needs of its bridge. */
export interface BridgeParts {
  readonly name: string;
  readonly connection: BrokerConnection;
  readonly log: Logger;
  readonly directory: (session: BrokerSession) => OperationDirectory;
  readonly savedOperations: SavedOperations;
  readonly outbox: Outbox;
  /** Tells the keeper that the outbox holds one more. */
  readonly kept: () => void;
  /** Who has to have a job before it is accepted: JetStream, or the outbox (`ACK_MODE`). */
  readonly ackMode: 'stream' | 'edge';
  /** Whether the outbox keeps each job until its end is recorded (`OUTBOX_KEEP=settled`). */
  readonly keepUntilSettled: boolean;
  /** Told of each job that is new; must not throw, and is not waited for. */
  readonly accepted: (tenant: string, job: Job) => void;
}
