import type { NatsConnection } from '@nats-io/transport-node';
import type { Finding } from '../../../shared/nats/finding.ts';
import { EDGE_PERMISSIONS } from '../../../shared/nats/permissions/edge.ts';
import {
  missingFinding,
  missingPermissions,
  type Permission,
  type Role,
  USER_INFO,
} from '../../../shared/nats/permissions/permission.ts';
import { SETUP_PERMISSIONS } from '../../../shared/nats/permissions/setup.ts';
import { neededByWorker } from '../../../shared/nats/permissions/worker.ts';
import { INBOX } from '../../../shared/wire/subjects.ts';
import { workerConfig } from '../../config.ts';
import { openConnection } from '../connection/connect.ts';
import { deniedError, userInfo, violationIn } from './permission-watch.ts';
import { droppedFinding, droppedForTrace } from './trace-probe.ts';

/** What the user of a role lacks. */
export interface PermissionReport {
  readonly role: Role;
  readonly permissions: readonly Finding[];
  /** Whether the user has all permissions that the role cannot do without. */
  readonly ok: boolean;
}

/**
 * Checks whether the user of the settings has the permissions that a role needs.
 * @param environment the worker's settings say where NATS is
 * @throws ThroughlineError `config-invalid`, `broker-unavailable`
 */
export async function checkPermissions(
  environment: Readonly<Record<string, string | undefined>>,
  role: Role,
): Promise<PermissionReport> {
  const config = { ...workerConfig(environment), WORKER_NAME: 'throughline-setup' };
  const needed = {
    worker: neededByWorker(config.WORKER_OPERATIONS),
    edge: EDGE_PERMISSIONS,
    setup: SETUP_PERMISSIONS,
  };
  const connection = await openConnection(config, INBOX[role]);
  try {
    const permissions = await permissionFindings(connection, role, needed[role]);
    return { role, permissions, ok: permissions.every(({ level }) => level !== 'breaks') };
  } finally {
    await connection.close();
  }
}

/** What this file needs of a connection. */
type Checked = Pick<NatsConnection, 'request' | 'status' | 'publish' | 'flush'>;

/**
 * The permissions of a role that the user of a connection lacks, and the one for traces if NATS drops messages for want of it.
 * Close the connection afterwards.
 * @param needed what the role needs
 * @throws whatever the NATS client throws
 */
export async function permissionFindings(
  connection: Checked,
  role: Role,
  needed: readonly Permission[],
): Promise<Finding[]> {
  const { user, missing } = await missingOf(connection, needed);
  const dest = await droppedForTrace(connection);
  const name = user ?? role;
  return [
    ...missing.filter(({ subject }) => subject !== dest).map((one) => missingFinding(name, one)),
    ...(dest === undefined ? [] : [droppedFinding(name, dest)]),
  ];
}

/** What NATS says that its user lacks. */
async function missingOf(
  connection: Checked,
  needed: readonly Permission[],
): Promise<{ readonly user?: string | undefined; readonly missing: readonly Permission[] }> {
  try {
    const user = await userInfo(connection);
    return { user: user.data?.user, missing: missingPermissions(needed, user) };
  } catch (thrown) {
    // A user that may not hear answers learns nothing else.
    if (violationIn(thrown)?.operation !== 'publish') throw deniedError(thrown);
    return { missing: needed.filter(({ subject }) => subject === USER_INFO) };
  }
}
