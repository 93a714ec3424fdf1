import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { EDGE_PERMISSIONS } from '../../../shared/nats/permissions/edge.ts';
import type { Action, Permission, Role } from '../../../shared/nats/permissions/permission.ts';
import { SETUP_PERMISSIONS } from '../../../shared/nats/permissions/setup.ts';
import { WORKER_PERMISSIONS } from '../../../shared/nats/permissions/worker.ts';
import { setUpBroker } from '../../../worker-node/broker/setup.ts';
import { atEndOfFile, scratchFolder } from '../cleanup.ts';
import { startTestNats } from './nats.ts';

/** What each user needs. */
export const NEEDED = { worker: WORKER_PERMISSIONS, edge: EDGE_PERMISSIONS, setup: SETUP_PERMISSIONS };
export const ROLES: readonly Role[] = ['worker', 'edge', 'setup'];

/** A permission that a user needs. */
export function permissionOf(role: Role, subject: string): Permission {
  const found = NEEDED[role].find((permission) => permission.subject === subject);
  if (found === undefined) throw new Error(`the ${role} needs no ${subject}`);
  return found;
}

/** The settings with which a program logs in as a user of {@link LimitedUsers}. */
export const loginOf = (role: Role) => ({ NATS_USER: role, NATS_PASSWORD: `${role}-password` });

/** A nats-server that is set up, whose users have just the permissions that they need. It ends with the test file. */
export class LimitedUsers {
  readonly nats: NatsServer;
  readonly #file: string;

  static async start(): Promise<LimitedUsers> {
    const folder = await scratchFolder();
    const file = path.join(folder, 'users.conf');
    await writeFile(file, usersText());
    const nats = await startTestNats({
      extraConfig: `authorization { include "../${path.basename(folder)}/users.conf" }`,
    });
    atEndOfFile(() => nats.stop());
    const users = new LimitedUsers(nats, file);
    await setUpBroker({ environment: users.environmentOf('setup'), check: false, replicas: undefined });
    return users;
  }

  private constructor(nats: NatsServer, file: string) {
    this.nats = nats;
    this.#file = file;
  }

  /** The settings of a program that runs as a user. */
  environmentOf(role: Role): Record<string, string> {
    return { NATS_URL: this.nats.url, ...loginOf(role) };
  }

  /** Takes permissions from a user, and gives all others back. The server reloads a moment later. */
  async take(role: Role, ...without: readonly Permission[]): Promise<void> {
    await this.#write(usersText(role, without));
  }

  /** Removes a user until the next {@link take}. The server reloads a moment later, and sends the user's connections away. */
  async remove(role: Role): Promise<void> {
    await this.#write(usersText().replace(`{user: ${role},`, `{user: former-${role},`));
  }

  /** The server may still be reading the file for the reload before, so it is replaced as a whole. */
  async #write(text: string): Promise<void> {
    const next = `${this.#file}.next`;
    await writeFile(next, text);
    await rename(next, this.#file);
    await this.nats.kill('SIGHUP');
  }
}

/** @param without what `role` is not allowed */
function usersText(role?: Role, without: readonly Permission[] = []): string {
  const users = ROLES.map((user) => {
    const list = (action: Action): string =>
      NEEDED[user]
        .filter((permission) => permission.action === action)
        .filter((permission) => user !== role || !without.includes(permission))
        .map(({ subject }) => JSON.stringify(subject))
        // An empty list would allow everything.
        .concat('"none"')
        .join(', ');
    const permissions = `{publish: {allow: [${list('publish')}]}, subscribe: {allow: [${list('subscribe')}]}}`;
    return `{user: ${user}, password: ${user}-password, permissions: ${permissions}}`;
  });
  return `users: [${users.join('\n')}]`;
}
