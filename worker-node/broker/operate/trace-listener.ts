import { errors, type NatsConnection } from '@nats-io/transport-node';
import { describeThrown, ThroughlineError } from '../../../shared/errors.ts';
import { INBOX } from '../../../shared/wire/subjects.ts';
import type { WorkerConfig } from '../../config.ts';
import type { WorkerLogger } from '../../log.ts';
import { closedReason } from '../connection/closed-reason.ts';
import { closeConnection, openConnection } from '../connection/connect.ts';
import { onFailedConnect } from '../connection/connect-reason.ts';
import { statusesOf } from '../connection/statuses.ts';

/** Listeners of this group share the events: each event goes to one of them. */
const GROUP = 'throughline-broker-spans';

interface ListenerParts {
  readonly config: WorkerConfig;
  readonly subject: string;
  readonly log: Pick<WorkerLogger, 'info' | 'warn'>;
  /** Takes each message. It must not throw. */
  readonly take: (data: Uint8Array) => void;
}

/** Listens where nats-server publishes its traces. */
export class TraceListener {
  readonly #connection: NatsConnection;
  /** Rejects if NATS does not let this user listen, or closes the connection for good. */
  readonly failed: Promise<never>;

  private constructor(connection: NatsConnection, failed: Promise<never>) {
    this.#connection = connection;
    this.failed = failed;
    failed.catch(() => undefined);
  }

  /**
   * Connects, and listens from the return on.
   * @throws ThroughlineError `broker-unavailable`, `config-invalid`
   */
  static async start({ config, subject, log, take }: ListenerParts): Promise<TraceListener> {
    const connection = await openConnection(config, INBOX.worker);
    const { promise: failed, reject } = Promise.withResolvers<never>();
    void tellLosses(connection, log);
    onFailedConnect(connection, config.NATS_URL.servers, (reason, isNew) => {
      if (isNew) log.warn({ reason }, 'cannot connect to NATS');
    });
    void closedReason(connection).then((thrown) => {
      if (thrown !== undefined) reject(closedError(thrown));
    });
    connection.subscribe(subject, {
      queue: GROUP,
      callback: (error, message) =>
        error === null ? take(message.data) : reject(deniedError(error, subject)),
    });
    const listener = new TraceListener(connection, failed);
    try {
      await Promise.race([connection.flush(), failed]);
      return listener;
    } catch (thrown) {
      await connection.close();
      throw thrown;
    }
  }

  /** Takes the messages that have arrived, and closes the connection. */
  async close(): Promise<void> {
    await closeConnection(this.#connection);
  }
}

function closedError(thrown: Error): ThroughlineError {
  const message = `NATS has closed the connection: ${describeThrown(thrown)}`;
  return new ThroughlineError('broker-unavailable', message, { cause: thrown });
}

function deniedError(error: Error, subject: string): ThroughlineError {
  const message =
    error instanceof errors.PermissionViolationError
      ? `NATS does not let this user subscribe to ${subject}`
      : `cannot listen on ${subject}: ${describeThrown(error)}`;
  return new ThroughlineError('config-invalid', message, { cause: error });
}

/** While the connection is away, events are lost: the server keeps none. */
async function tellLosses(
  connection: Pick<NatsConnection, 'status'>,
  log: ListenerParts['log'],
): Promise<void> {
  for await (const { type } of statusesOf(connection)) {
    if (type === 'disconnect') log.warn('NATS is away, and trace events are lost');
    if (type === 'reconnect') log.info('NATS is back');
  }
}
