import { ThroughlineError } from '../../shared/errors.ts';

/** The most bytes that the bodies of one tenant may have at a time: those of 15 of the largest batches. */
const MAX_BYTES = 64 * 1024 * 1024;
const RETRY_SECONDS = 1;

interface Body {
  readonly size: number;
  /** When it counts no longer, in epoch milliseconds. */
  readonly until: number;
}

interface Bodies {
  bytes: number;
  readonly open: Set<Body>;
}

/**
 * The bodies of requests that have no answer yet, by tenant. Each isolate has its own. A body takes several times its size in memory,
 * and its sender may take its time.
 */
export class OpenBodies {
  readonly #byTenant = new Map<string, Bodies>();

  /**
   * Counts a body.
   * @param size the most bytes that it may have
   * @param forMs how long it counts at most: the platform may end a request without a word
   * @returns a function that ends it; safe to call twice
   * @throws ThroughlineError `rate-limited` if the bodies of the tenant have too many bytes
   */
  add(tenant: string, size: number, forMs: number): () => void {
    const now = Date.now();
    const bodies = this.#byTenant.get(tenant) ?? { bytes: 0, open: new Set() };
    const remove = (body: Body): void => {
      if (!bodies.open.delete(body)) return;
      bodies.bytes -= body.size;
      if (bodies.open.size === 0) this.#byTenant.delete(tenant);
    };
    if (bodies.bytes + size > MAX_BYTES) for (const old of bodies.open) if (old.until <= now) remove(old);
    if (bodies.bytes + size > MAX_BYTES) throw tooMany();
    const body = { size, until: now + forMs };
    bodies.open.add(body);
    bodies.bytes += size;
    this.#byTenant.set(tenant, bodies);
    return () => remove(body);
  }
}

function tooMany(): ThroughlineError {
  const message = `this tenant sends bodies of more than ${MAX_BYTES} bytes at once; try again in ${RETRY_SECONDS} s`;
  return new ThroughlineError('rate-limited', message, { retryAfterSeconds: RETRY_SECONDS });
}
