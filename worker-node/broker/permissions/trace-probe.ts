import { setImmediate as turn } from 'node:timers/promises';
import { errors, headers, type NatsConnection } from '@nats-io/transport-node';
import { TraceFlags, trace } from '@opentelemetry/api';
import type { Finding } from '../../../shared/nats/finding.ts';
import { LOST_TO_TRACING, USER_INFO } from '../../../shared/nats/permissions/permission.ts';
import { inject, setCarrier, startTrace } from '../../../shared/propagation/index.ts';

/**
 * How many messages are sent in each round. All together a server with `sampling: 1%` traces one of them with a chance of
 * 99 %: nats-server 2.14 then takes two numbers of a hundred (`sample` in `server/msgtrace.go`).
 */
const ROUNDS = [1, 2, 4, 8, 16, 32, 64, 128];

type Probed = Pick<NatsConnection, 'status' | 'publish' | 'flush'>;

/**
 * Finds out whether NATS drops messages of this user because it traces them: message tracing is on for the account, and the
 * user may not publish where the traces go. NATS tells no user whether it traces. So messages with a sampled trace are sent
 * that change nothing: questions without a place for the answer.
 * @returns the subject of the traces; undefined if nothing was dropped
 */
export async function droppedForTrace(connection: Probed): Promise<string | undefined> {
  let refused: string | undefined;
  void followRefusals(connection, (subject) => {
    refused ??= subject;
  });
  for (const size of ROUNDS) {
    for (let sent = 0; sent < size; sent++) connection.publish(USER_INFO, '', { headers: sampledTrace() });
    // NATS answers in order: what it refused, it has said before the pong.
    await connection.flush();
    await turn();
    if (refused !== undefined) break;
  }
  // A user that may not ask at all was not dropped for its trace.
  return refused === USER_INFO ? undefined : refused;
}

/** Tells of each subject on which this user may not publish, until the connection closes. */
async function followRefusals(
  connection: Pick<Probed, 'status'>,
  tell: (subject: string) => void,
): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type !== 'error' || !(status.error instanceof errors.PermissionViolationError)) continue;
    const { operation, subject } = status.error;
    if (operation === 'publish') tell(subject);
  }
}

/** The finding for a user whose messages are dropped. @param dest the subject of the traces */
export function droppedFinding(user: string, dest: string): Finding {
  return {
    of: `user ${user}`,
    setting: `permission to publish ${dest}`,
    actual: 'missing',
    wanted: 'there',
    why: `message tracing is on: ${LOST_TO_TRACING}`,
    level: 'breaks',
    fix: 'server',
  };
}

function sampledTrace(): ReturnType<typeof headers> {
  const made = headers();
  const context = startTrace();
  const spanContext = trace.getSpanContext(context);
  if (spanContext === undefined) return made;
  const sampled = trace.setSpanContext(context, { ...spanContext, traceFlags: TraceFlags.SAMPLED });
  setCarrier(inject(sampled), (name, value) => made.set(name, value));
  return made;
}
