import type { PermissionViolationError } from '@nats-io/nats-core';
import { describeThrown } from '../../errors.ts';
import {
  type Action,
  isGranted,
  missingPermissions,
  missingText,
  type Permission,
  permissionFor,
  type UserInfo,
} from './permission.ts';

/** What nats-server says if its limit of subscriptions is reached, or that of the account. It has no code for that. */
const LIMIT_REACHED = 'subscriptions exceeded';

/** By its name: npm may install the client of a worker with another copy of the class than ours. */
const isViolation = (error: Error): error is PermissionViolationError =>
  error.name === 'PermissionViolationError';

/**
 * Is told what NATS refuses, in a sentence.
 * @param permission the one that is missing; undefined if the limit of subscriptions is reached
 */
export type TellDenial = (sentence: string, permission: Permission | undefined) => void;

/** What NATS does not let a connection do, as far as that is known. */
export class Denials {
  readonly #needed: readonly Permission[];
  readonly #onNew: TellDenial;
  readonly #known = new Set<Permission>();
  #limit: string | undefined;
  #violations = 0;

  /** @param onNew called once for each permission that turns out to be missing, and once for {@link limit} */
  constructor(needed: readonly Permission[], onNew: TellDenial) {
    this.#needed = needed;
    this.#onNew = onNew;
  }

  /** How often NATS refused something. */
  get violations(): number {
    return this.#violations;
  }

  /** Missing permissions without which something does not work, each in a sentence. */
  get problems(): string[] {
    return this.#sentences('breaks');
  }

  /** Missing permissions without which something is worse than it could be. */
  get warnings(): string[] {
    return this.#sentences('weakens');
  }

  /** That NATS takes no more subscriptions of this user, and why, in a sentence; undefined if it has not refused one. */
  get limit(): string | undefined {
    return this.#limit;
  }

  /** Takes an error that NATS sent on the connection. One that refuses nothing is ignored. */
  take(error: Error): void {
    if (isViolation(error))
      this.#refused(error.operation === 'publish' ? 'publish' : 'subscribe', error.subject);
    else if (error.message.includes(LIMIT_REACHED)) this.#limited(error);
  }

  /**
   * Takes what NATS says about the user now: a reload of the server may have given it permissions, or taken some.
   * @returns whether the user may subscribe again to something that it was denied. A new connection is needed then, since the
   *   server has dropped the subscription
   */
  update(user: UserInfo): boolean {
    const granted = [...this.#known].filter((permission) => isGranted(permission, user));
    for (const permission of granted) this.#known.delete(permission);
    for (const permission of missingPermissions(this.#needed, user)) this.#add(permission);
    return granted.some(({ action }) => action === 'subscribe');
  }

  /** Forgets what is known: the user may be allowed more on a new connection. */
  clear(): void {
    this.#known.clear();
    this.#limit = undefined;
  }

  /** A subject that we do not know is no fault of the permissions. */
  #refused(action: Action, subject: string): void {
    this.#violations++;
    const permission = permissionFor(this.#needed, action, subject);
    if (permission !== undefined) this.#add(permission);
  }

  #limited(error: Error): void {
    if (this.#limit !== undefined) return;
    this.#limit = `NATS takes no more subscriptions of this user, so jobs, cancels or events do not arrive: ${describeThrown(error)}; raise max_subscriptions of nats-server, or the limit of the account or the user`;
    this.#onNew(this.#limit, undefined);
  }

  #add(permission: Permission): void {
    if (this.#known.has(permission)) return;
    this.#known.add(permission);
    this.#onNew(missingText(permission), permission);
  }

  #sentences(wanted: Permission['level']): string[] {
    return [...this.#known].filter(({ level }) => level === wanted).map(missingText);
  }
}
