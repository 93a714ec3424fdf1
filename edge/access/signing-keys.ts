import { createLocalJWKSet, errors, type JWK } from 'jose';
import * as z from 'zod';

/** While the keys are younger than this, they are fetched again only to look for a key that is missing or cannot be read. */
const FRESH_MS = 10 * 60_000;
/** While the keys are younger than this, they are used even if the issuer does not answer. */
const USABLE_MS = 60 * 60_000;
/**
 * The least time from the start of a fetch to the start of the next one while there are usable keys. Callers who invent
 * key ids must not make us flood the issuer. A new key is seen within this time.
 */
const COOLDOWN_MS = 30_000;
/** The same while there are no usable keys. */
const RETRY_MS = 1_000;
const MAX_KEYS = 100;
/** The longest JWK set in characters: 100 keys of 8,192 bits, or with certificates, take much less. */
const MAX_LENGTH = 1_048_576;
const FETCH_TIMEOUT_MS = 3_000;
/** If a fetch has not ended by then, its request was cut off, and another request may fetch. */
const LEASE_MS = FETCH_TIMEOUT_MS + 1_000;
/** How often a request looks whether the fetch of another request has ended. */
const LOOK_MS = 20;

const JwkSet = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });
/**
 * A public key. A key with a private part (`d`) is refused: it was published by accident, and anybody could sign with
 * it.
 */
const PublicJwk = z.looseObject({ kty: z.string() }).refine((jwk) => !('d' in jwk));

type KeySet = ReturnType<typeof createLocalJWKSet>;
const NO_KEYS = createLocalJWKSet({ keys: [] });

/** What a token's header says about the key that signed the token. */
export interface KeyQuery {
  readonly alg: string;
  readonly kid: string | undefined;
}

/** Keeps a request alive until some work has ended (`waitUntil`). */
export type KeepAlive = (work: Promise<unknown>) => void;

interface SigningKeysOptions {
  /** Asks the issuer for its JWK set. */
  readonly fetchSet: () => Promise<unknown>;
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<unknown>;
}

/** Thrown when the issuer does not give its keys. The fault is on our side or on the issuer's, not on the caller's. */
export class KeysUnavailable extends Error {}

/**
 * The issuer's keys. Each isolate has one set of them, and fetches them at most once at a time.
 *
 * Requests share only data, and never a promise. In workerd a fetch belongs to the request that started it, and is cut off
 * when that request ends. For this reason the request that fetches holds a lease, and the others look again and again
 * whether it has ended. A lease that was not given back runs out.
 */
export class SigningKeys {
  readonly #options: SigningKeysOptions;
  #keys: KeySet = NO_KEYS;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  /** When the last fetch started. */
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Whether that fetch has not ended yet, as far as is known. */
  #isFetching = false;

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  /**
   * Finds the one key that may have signed a token with this header.
   * @param keepAlive keeps the request alive for a fetch, also if its caller leaves
   * @returns undefined when no key fits, or when several keys fit
   * @throws KeysUnavailable when the issuer does not answer and no usable key is left
   */
  async find(query: KeyQuery, keepAlive: KeepAlive): Promise<CryptoKey | undefined> {
    const age = this.#age();
    if (age >= USABLE_MS) await this.#renew(RETRY_MS, keepAlive);
    if (this.#age() >= USABLE_MS) throw new KeysUnavailable('the last fetch failed a moment ago');
    // A key that cannot be read may have been mended since, so the issuer is asked for it like for a missing one.
    const key = age < FRESH_MS ? await keyIn(this.#keys, query).catch(() => undefined) : undefined;
    if (key !== undefined) return key;
    await this.#renew(COOLDOWN_MS, keepAlive).catch((thrown: unknown) => {
      if (!(thrown instanceof KeysUnavailable)) throw thrown;
    });
    return await keyIn(this.#keys, query);
  }

  /** How old the keys are. */
  #age(): number {
    return this.#since(this.#fetchedAt);
  }

  /**
   * How long ago a time was, in milliseconds. If the clock was set back since, nobody knows: as long as can be. A time that is a
   * little ahead is no sign of that: in a Worker, the clock of each request stands still between its I/O.
   */
  #since(time: number): number {
    const ms = this.#options.now() - time;
    return ms < -COOLDOWN_MS ? Number.POSITIVE_INFINITY : ms;
  }

  /**
   * Fetches the keys, or waits for the fetch of another request. Does nothing if the last fetch started less than
   * `pauseMs` ago and has ended.
   * @throws KeysUnavailable when its own fetch fails
   */
  async #renew(pauseMs: number, keepAlive: KeepAlive): Promise<void> {
    const sinceAsked = () => this.#since(this.#askedAt);
    if (!this.#isFetching && sinceAsked() < pauseMs) return;
    while (this.#isFetching && sinceAsked() < LEASE_MS) {
      await this.#options.wait(LOOK_MS);
      if (!this.#isFetching) return;
    }
    const fetching = this.#fetch();
    keepAlive(fetching.catch(() => undefined));
    await fetching;
  }

  async #fetch(): Promise<void> {
    const askedAt = this.#options.now();
    this.#askedAt = askedAt;
    this.#isFetching = true;
    try {
      const { keys } = JwkSet.parse(await this.#options.fetchSet());
      // After its lease ran out, another request may have fetched newer keys.
      if (askedAt < this.#askedAt) return;
      this.#keys = createLocalJWKSet({ keys: keys.flatMap(usable) });
      this.#fetchedAt = this.#options.now();
    } catch (cause) {
      throw new KeysUnavailable(cause instanceof z.ZodError ? 'the answer is not a JWK set' : String(cause), {
        cause,
      });
    } finally {
      if (askedAt === this.#askedAt) this.#isFetching = false;
    }
  }
}

/**
 * Fetches the issuer's JWK set. A redirect is an error: it could lead to keys of another issuer.
 * @throws Error when the issuer does not answer in time, or does not answer with status 200 and JSON of at most 1 MiB
 */
export async function fetchKeySet(url: string): Promise<unknown> {
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { accept: 'application/json, application/jwk-set+json' },
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`HTTP status ${response.status}`);
  }
  let text = '';
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    if (text.length > MAX_LENGTH) throw new Error('the answer is too large');
  }
  return JSON.parse(text);
}

/**
 * Returns a list with the key, or an empty list if the key cannot be used. Such keys are skipped (RFC 7517, section 5).
 */
function usable(key: unknown): JWK[] {
  const parsed = PublicJwk.safeParse(key);
  if (!parsed.success) return [];
  const jwk: JWK = parsed.data;
  // `EdDSA` and `Ed25519` are two names of one algorithm (RFC 9864), but jose compares the names. A key without `alg`
  // fits both names.
  if (jwk.crv === 'Ed25519') delete jwk.alg;
  return [jwk];
}

async function keyIn(keys: KeySet, { alg, kid }: KeyQuery): Promise<CryptoKey | undefined> {
  try {
    return await keys({ alg, ...(kid === undefined ? {} : { kid }) });
  } catch (thrown) {
    if (thrown instanceof errors.JWKSNoMatchingKey || thrown instanceof errors.JWKSMultipleMatchingKeys)
      return undefined;
    throw thrown;
  }
}
