import type { NatsConnection } from '@nats-io/nats-core';
import type { Denials } from '../../shared/nats/permissions/denials.ts';
import { USER_INFO, type UserInfo } from '../../shared/nats/permissions/permission.ts';
import { parseJson } from '../../shared/text/json/parse-json.ts';

/**
 * Asks NATS what it does not let a connection do, and updates `denials`. Never rejects. If the user may subscribe again to
 * something that it was denied, the connection is closed: the server has dropped that subscription.
 */
export async function askDenials(
  connection: NatsConnection,
  denials: Denials,
  timeoutMs: number,
): Promise<void> {
  try {
    const answer = await connection.request(USER_INFO, undefined, { timeout: timeoutMs });
    const user = parseJson(answer.string());
    if (typeof user === 'object' && user !== null && denials.update(user as UserInfo))
      await connection.close();
  } catch {
    // A user that may not ask learns of a missing permission when it is needed.
  }
}

/**
 * Notes each refusal of NATS in `denials`, until the connection is closed, or the client gives it up, because the server does not
 * answer its pings. The client does not end its `closed()` then: it waits for the server to close the socket.
 */
export async function followRefusals(connection: NatsConnection, denials: Denials): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'staleConnection') return;
    if (status.type === 'error') denials.take(status.error);
  }
}
