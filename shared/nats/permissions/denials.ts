import {
  type Action,
  isGranted,
  missingPermissions,
  missingText,
  type Permission,
  permissionFor,
  type UserInfo,
} from './permission.ts';

/** Stands for what a user may not do because of a number, and not of a subject. NATS does not say how many it may have. */
const SUBSCRIPTION_LIMIT: Permission = {
  action: 'subscribe',
  subject: 'more subjects',
  without: 'its limit of subscriptions is reached',
  level: 'weakens',
};

/** Whether nats-server refuses a subscription since its limit is reached, or that of the account. It has no code for that. */
export const isSubscriptionLimit = ({ message }: Error): boolean =>
  message.includes('subscriptions exceeded');

/** What NATS does not let a connection do, as far as that is known. */
export class Denials {
  readonly #needed: readonly Permission[];
  readonly #onNew: (sentence: string, permission: Permission) => void;
  readonly #known = new Set<Permission>();
  #violations = 0;

  /** @param onNew called once for each permission that turns out to be missing */
  constructor(needed: readonly Permission[], onNew: (sentence: string, permission: Permission) => void) {
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

  /** Takes a refusal of NATS. A subject that we do not know is no fault of the permissions. */
  refused(action: Action, subject: string): void {
    this.#violations++;
    const permission = permissionFor(this.#needed, action, subject);
    if (permission !== undefined) this.#add(permission);
  }

  /** NATS takes no more subscriptions on this connection. */
  limited(): void {
    this.#add(SUBSCRIPTION_LIMIT);
  }

  /**
   * Takes what NATS says about the user now: a reload of the server may have given it permissions, or taken some.
   * @returns whether the user may subscribe again to something that it was denied. A new connection is needed then, since the
   *   server has dropped the subscription
   */
  update(user: UserInfo): boolean {
    const granted = [...this.#known].filter(
      (permission) => permission !== SUBSCRIPTION_LIMIT && isGranted(permission, user),
    );
    for (const permission of granted) this.#known.delete(permission);
    for (const permission of missingPermissions(this.#needed, user)) this.#add(permission);
    return granted.some(({ action }) => action === 'subscribe');
  }

  /** Forgets what is known: the user may be allowed more on a new connection. */
  clear(): void {
    this.#known.clear();
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
