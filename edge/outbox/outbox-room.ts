import type { BridgeUsage } from '../../shared/api/usage.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { OutboxState } from './outbox-entry.ts';

/** How much the outbox may hold. */
export interface OutboxLimits {
  readonly maxRows: number;
  /** Bytes of all jobs together. */
  readonly maxBytes: number;
}

/** How much of the outbox a tenant may have. */
export type OutboxShare = Pick<BridgeUsage, 'outboxJobs' | 'outboxBytes'>;

interface Used {
  rows: number;
  bytes: number;
}

const FULL_RETRY_SECONDS = 5;

/** How much room the rows of the outbox take: of each state, and of each tenant. Every row counts, rejected ones too. */
export class OutboxRoom {
  readonly #limits: OutboxLimits;
  readonly #rows: Record<OutboxState, number> = { pending: 0, published: 0, rejected: 0 };
  /** The tenants that have rows. */
  readonly #tenants = new Map<string, Used>();
  #bytes = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  /** The number of rows in each state. */
  get rows(): Readonly<Record<OutboxState, number>> {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Checks that a row of a tenant fits. A tenant that has used up its share is refused, although others still have room.
   * @throws ThroughlineError `outbox-full`, `outbox-share-full`
   */
  check(tenant: string, bytes: number, share: OutboxShare): void {
    const { pending, published, rejected } = this.#rows;
    const { maxRows, maxBytes } = this.#limits;
    if (pending + published + rejected >= maxRows || this.#bytes + bytes > maxBytes) throw outboxFull();
    const own = this.usedBy(tenant);
    if (own.outboxJobs >= share.outboxJobs) throw shareFull('outboxJobs', share, own);
    if (own.outboxBytes + bytes > share.outboxBytes) throw shareFull('outboxBytes', share, own);
  }

  /** What the rows of a tenant take. */
  usedBy(tenant: string): OutboxShare {
    const { rows, bytes } = this.#tenants.get(tenant) ?? { rows: 0, bytes: 0 };
    return { outboxJobs: rows, outboxBytes: bytes };
  }

  /** The tenants that have rows. */
  get tenants(): Iterable<string> {
    return this.#tenants.keys();
  }

  /** Counts rows that were added, or removed where the numbers are negative. */
  add(tenant: string, state: OutboxState, rows: number, bytes: number): void {
    const used = this.#tenants.get(tenant) ?? { rows: 0, bytes: 0 };
    used.rows += rows;
    used.bytes += bytes;
    if (used.rows > 0) this.#tenants.set(tenant, used);
    else this.#tenants.delete(tenant);
    this.#rows[state] += rows;
    this.#bytes += bytes;
  }

  /** Counts a row whose state has changed. */
  move(from: OutboxState, to: OutboxState): void {
    this.#rows[from]--;
    this.#rows[to]++;
  }
}

/** The error for an outbox that has no room. @param cause why the disk took no row */
export function outboxFull(cause?: unknown): ThroughlineError {
  return new ThroughlineError(
    'outbox-full',
    'the message broker cannot be reached, and the outbox has no room for another job',
    { cause, retryAfterSeconds: FULL_RETRY_SECONDS },
  );
}

function shareFull(name: keyof OutboxShare, share: OutboxShare, own: OutboxShare): ThroughlineError {
  const limit = share[name];
  return new ThroughlineError(
    'outbox-share-full',
    'your jobs fill your share of the outbox; rejected jobs count until they are removed or expire',
    { quota: { name, limit, left: Math.max(0, limit - own[name]) }, retryAfterSeconds: FULL_RETRY_SECONDS },
  );
}
