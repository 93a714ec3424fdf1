import { type NatsConnection, PermissionViolationError } from '@nats-io/nats-core';
import type { Denials } from '../../shared/nats/permissions/denials.ts';
import { USER_INFO, type UserInfo } from '../../shared/nats/permissions/permission.ts';
import { parseJson } from '../../shared/text/json.ts';

/**
 * Asks NATS what it does not let a connection do, and tells `denials`. Never rejects. If the user may listen again to
 * something that it could not, the connection is closed: the server has dropped its subscription.
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

/** Tells `denials` each refusal of NATS, until the connection is closed. */
export async function followRefusals(connection: NatsConnection, denials: Denials): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue;
    const { operation, subject } = status.error;
    denials.refused(operation === 'publish' ? 'publish' : 'subscribe', subject);
  }
}
