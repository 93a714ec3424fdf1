import { ThroughlineError } from '../../shared/errors.ts';
import type { OutboxState } from './outbox-entry.ts';

/** How much the outbox may hold. */
export interface OutboxLimits {
  readonly maxRows: number;
  /** Bytes of all jobs together. */
  readonly maxBytes: number;
  /** The share of rows and of bytes that one tenant may have, in percent. */
  readonly tenantPercent: number;
}

interface Used {
  rows: number;
  bytes: number;
}

const FULL_RETRY_SECONDS = 5;

/** How much room the rows of the outbox take: of each state, and of each tenant. Every row counts, rejected ones too. */
export class OutboxRoom {
  readonly #limits: OutboxLimits;
  readonly #rows: Record<OutboxState, number> = { pending: 0, published: 0, rejected: 0 };
  /** Only tenants that have rows. */
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
  check(tenant: string, bytes: number): void {
    const { pending, published, rejected } = this.#rows;
    const all = { rows: pending + published + rejected, bytes: this.#bytes };
    if (!this.#fits(all, bytes, 100)) throw full();
    const own = this.#tenants.get(tenant) ?? { rows: 0, bytes: 0 };
    if (!this.#fits(own, bytes, this.#limits.tenantPercent)) throw shareFull();
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

  #fits(used: Used, bytes: number, percent: number): boolean {
    const { maxRows, maxBytes } = this.#limits;
    // At least one row, however small the share.
    const rows = Math.max(1, Math.floor((maxRows * percent) / 100));
    return used.rows < rows && used.bytes + bytes <= (maxBytes * percent) / 100;
  }
}

/** The error for an outbox that has no room. @param cause why the disk took no row */
export function full(cause?: unknown): ThroughlineError {
  return new ThroughlineError(
    'outbox-full',
    'the message broker cannot be reached, and the outbox has no room for another job',
    { cause, retryAfterSeconds: FULL_RETRY_SECONDS },
  );
}

function shareFull(): ThroughlineError {
  return new ThroughlineError(
    'outbox-share-full',
    'your jobs fill your share of the outbox; rejected jobs count until they are removed or expire',
    { retryAfterSeconds: FULL_RETRY_SECONDS },
  );
}
