import { errors, type NatsConnection } from '@nats-io/transport-node';
import { statusesOf } from './statuses.ts';

/** After so many refusals of the user in a row, there is no point in further logins. */
const MAX_REFUSALS = 2;

type Connection = Pick<NatsConnection, 'close' | 'closed' | 'status'>;

/**
 * Waits until a connection is closed. Closes it if NATS refuses its user twice without a login in between: one refusal may be a
 * user that was away for a moment, or that is renewed just now. The client (nats-core 3.4.0) would count refusals for as long as
 * the process lives, so connections are opened with `ignoreAuthErrorAbort`.
 * @returns why; undefined if this program closed it
 */
export async function closedReason(connection: Connection): Promise<Error | undefined> {
  let refusal: Error | undefined;
  endWhenRefused(connection, (error) => {
    refusal = error;
  }).catch(() => undefined);
  const reason = await connection.closed();
  if (refusal === undefined) return reason ?? undefined;
  return new Error(`NATS does not accept the user any more: ${refusal.message}`, { cause: refusal });
}

async function endWhenRefused(connection: Connection, tell: (refusal: Error) => void): Promise<void> {
  let refusals = 0;
  for await (const status of statusesOf(connection)) {
    if (status.type === 'reconnect') refusals = 0;
    if (status.type !== 'error' || !isRefusal(status.error)) continue;
    refusals += 1;
    if (refusals < MAX_REFUSALS) continue;
    tell(status.error);
    await connection.close();
  }
}

/** Whether the user may not log in, or no longer. A login that took too long says nothing about the user. */
function isRefusal(error: Error): boolean {
  if (error instanceof errors.UserAuthenticationExpiredError) return true;
  return error instanceof errors.AuthorizationError && !/timeout/i.test(error.message);
}
