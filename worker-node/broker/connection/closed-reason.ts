import { errors, type NatsConnection } from '@nats-io/transport-node';

/**
 * Waits until a connection is closed.
 * @returns why; undefined if this program closed it. The client calls a user that NATS accepts no longer a refused connection
 */
export async function closedReason(
  connection: Pick<NatsConnection, 'closed' | 'status'>,
): Promise<Error | undefined> {
  let refusal: Error | undefined;
  followRefusals(connection, (error) => {
    refusal = error;
  }).catch(() => undefined);
  const reason = await connection.closed();
  if (!(reason instanceof Error) || refusal === undefined) return reason ?? undefined;
  return new Error(`NATS does not accept the user any more: ${refusal.message}`, { cause: reason });
}

/** Tells each time that NATS refuses the user, as when it has expired. */
async function followRefusals(
  connection: Pick<NatsConnection, 'status'>,
  tell: (error: Error) => void,
): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type !== 'error') continue;
    const { error } = status;
    if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError)
      tell(error);
  }
}
