import { startTimer } from '../../shared/timers.ts';
import { ReceiverHealth, type Reply } from './receiver-health.ts';
import { Share } from './share.ts';

/** How long a callback waits in this process for a slot, before it is handed back so that another host can take it. */
const PATIENCE_MS = 2_000;
/** The part of a tenant's slots that its unproven receivers may take, and the part of all slots that all unproven ones may take. */
const UNPROVEN = { ofTenant: 1 / 2, ofAll: 3 / 4 } as const;
/** How many tenants and receivers are remembered. Those with deliveries under way are never forgotten. */
const REMEMBERED = { tenants: 1_000, receivers: 10_000 } as const;

interface SlotOptions {
  /** How many callbacks are under way at the same time. */
  readonly slots: number;
  /** How many of them may be of one tenant. */
  readonly perTenant: number;
  /** A number from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

/** Whose callback it is, and the host and port that it goes to. */
export interface CallbackRoute {
  readonly tenant: string;
  readonly receiver: string;
}

/** The right to send one callback. */
export interface Slot {
  readonly kind: 'slot';
  /**
   * Gives the slot back. Only the first call counts.
   * @returns the pause of the receiver in milliseconds, if one begins now; else 0
   */
  readonly release: (reply: Reply) => number;
}

/** No callback may be sent now. It should come back after `delayMs`. */
export interface Later {
  readonly kind: 'later';
  readonly delayMs: number;
  /** Whether this is because the receiver does not answer. */
  readonly isPaused: boolean;
}

interface Tenant {
  readonly share: Share;
  /** How many deliveries to unproven receivers are under way. */
  unproven: number;
  /** Which turn was its last. */
  lastTurn: number;
}

interface Receiver {
  readonly share: Share;
  readonly health: ReceiverHealth;
}

interface Waiter {
  readonly tenant: Tenant;
  readonly receiver: Receiver;
  readonly end: (claim: Slot | Later) => void;
}

/**
 * Shares the slots of a host between tenants, and between the receivers of each tenant. A tenant has a part of the slots at
 * most, and a receiver has as many as it has earned by its answers. Receivers that are not known to answer leave some slots to
 * those that are. The tenants that wait take turns.
 */
export class CallbackSlots {
  readonly #options: SlotOptions;
  readonly #now: () => number;
  readonly #tenants = new Map<string, Tenant>();
  readonly #receivers = new Map<string, Receiver>();
  readonly #waiters = new Set<Waiter>();
  #running = 0;
  #unproven = 0;
  #turn = 0;

  constructor(options: SlotOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Asks for a slot, and waits for it for a moment.
   * @param stop ends the wait
   */
  async claim(route: CallbackRoute, stop: AbortSignal): Promise<Slot | Later> {
    const tenant = this.#tenant(route.tenant);
    const receiver = this.#receiver(`${route.tenant} ${route.receiver}`);
    const pausedMs = receiver.health.pausedMs(this.#now());
    if (pausedMs > 0) return this.#paused(receiver, pausedMs);
    if (this.#isFree(tenant, receiver)) return this.#grant(tenant, receiver);
    const isCrowded =
      tenant.share.waiting >= this.#options.perTenant || receiver.share.waiting >= this.#slotsOf(receiver);
    return isCrowded ? this.#crowded(tenant, receiver) : await this.#wait(tenant, receiver, stop);
  }

  #wait(tenant: Tenant, receiver: Receiver, stop: AbortSignal): Promise<Slot | Later> {
    const { promise, resolve } = Promise.withResolvers<Slot | Later>();
    const waiter: Waiter = {
      tenant,
      receiver,
      end: (claim) => {
        if (!this.#waiters.delete(waiter)) return;
        tenant.share.waiting--;
        receiver.share.waiting--;
        timer.stop();
        stop.removeEventListener('abort', handBack);
        resolve(claim);
      },
    };
    const handBack = (): void => waiter.end({ kind: 'later', delayMs: 0, isPaused: false });
    const timer = startTimer(PATIENCE_MS, () => waiter.end(this.#crowded(tenant, receiver)));
    this.#waiters.add(waiter);
    tenant.share.waiting++;
    receiver.share.waiting++;
    stop.addEventListener('abort', handBack, { once: true });
    if (stop.aborted) handBack();
    return promise;
  }

  #grant(tenant: Tenant, receiver: Receiver): Slot {
    const shares = [tenant.share, receiver.share];
    const startedAt = this.#now();
    tenant.lastTurn = ++this.#turn;
    const unproven = receiver.health.isProven ? 0 : 1;
    this.#running++;
    this.#unproven += unproven;
    tenant.unproven += unproven;
    for (const share of shares) share.running++;
    let isReleased = false;
    const release = (reply: Reply): number => {
      if (isReleased) return 0;
      isReleased = true;
      const now = this.#now();
      this.#running--;
      this.#unproven -= unproven;
      tenant.unproven -= unproven;
      for (const share of shares) {
        share.running--;
        if (reply !== 'unsent') share.took(now - startedAt);
      }
      const pauseMs = receiver.health.record(reply, now, this.#options.random());
      this.#serveWaiters();
      return pauseMs;
    };
    return { kind: 'slot', release };
  }

  #serveWaiters(): void {
    const now = this.#now();
    for (const waiter of this.#waiters) {
      const pausedMs = waiter.receiver.health.pausedMs(now);
      if (pausedMs > 0) waiter.end(this.#paused(waiter.receiver, pausedMs));
    }
    for (let next = this.#nextWaiter(); next !== undefined; next = this.#nextWaiter())
      next.end(this.#grant(next.tenant, next.receiver));
  }

  /** Of the waiters that may have a slot, the one whose tenant has not had a turn for the longest time. */
  #nextWaiter(): Waiter | undefined {
    let best: Waiter | undefined;
    for (const waiter of this.#waiters) {
      if (!this.#isFree(waiter.tenant, waiter.receiver)) continue;
      if (best === undefined || waiter.tenant.lastTurn < best.tenant.lastTurn) best = waiter;
    }
    return best;
  }

  #isFree(tenant: Tenant, receiver: Receiver): boolean {
    const { slots, perTenant } = this.#options;
    return (
      this.#running < slots &&
      tenant.share.running < perTenant &&
      receiver.share.running < this.#slotsOf(receiver) &&
      (receiver.health.isProven ||
        (this.#unproven < partOf(slots, UNPROVEN.ofAll) &&
          tenant.unproven < partOf(perTenant, UNPROVEN.ofTenant)))
    );
  }

  #slotsOf({ health }: Receiver): number {
    return Math.min(health.slots, this.#options.perTenant);
  }

  #crowded(tenant: Tenant, receiver: Receiver): Later {
    const now = this.#now();
    const slots = this.#slotsOf(receiver);
    const isReceiverFull = receiver.share.running >= slots;
    const { perTenant, random } = this.#options;
    const delayMs = isReceiverFull
      ? receiver.share.appointment(now, slots, random())
      : tenant.share.appointment(now, perTenant, random());
    return { kind: 'later', delayMs, isPaused: false };
  }

  /** The callbacks of a paused receiver come back one after the other, so that one of them is the trial. */
  #paused({ share }: Receiver, pausedMs: number): Later {
    const delayMs = Math.ceil(pausedMs) + share.appointment(this.#now(), 1, this.#options.random());
    return { kind: 'later', delayMs, isPaused: true };
  }

  #tenant(name: string): Tenant {
    return remembered(this.#tenants, name, REMEMBERED.tenants, () => ({
      share: new Share(),
      unproven: 0,
      lastTurn: 0,
    }));
  }

  #receiver(name: string): Receiver {
    const make = (): Receiver => ({ share: new Share(), health: new ReceiverHealth() });
    return remembered(this.#receivers, name, REMEMBERED.receivers, make);
  }
}

function partOf(slots: number, part: number): number {
  return Math.max(1, Math.floor(slots * part));
}

/** Gets a value, or makes it. The values that were used least recently are forgotten, unless something is under way. */
function remembered<Value extends { readonly share: Share }>(
  all: Map<string, Value>,
  name: string,
  most: number,
  make: () => Value,
): Value {
  const value = all.get(name) ?? make();
  all.delete(name);
  all.set(name, value);
  for (const [key, { share }] of all) {
    if (all.size <= most) break;
    if (share.isIdle && key !== name) all.delete(key);
  }
  return value;
}
