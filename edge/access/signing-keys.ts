import { createLocalJWKSet, errors, type JWK } from 'jose';
import * as z from 'zod';

/** While the keys are younger than this, they are fetched again only to look for a missing key. */
const FRESH_MS = 10 * 60_000;
/** While the keys are younger than this, they are used even if the issuer does not answer. */
const USABLE_MS = 60 * 60_000;
/**
 * The least time between two fetches while there are usable keys. Callers who invent key ids must not make us flood the
 * issuer.
 */
const COOLDOWN_MS = 30_000;
/** The least time between a failed fetch and the next fetch when there are no usable keys. */
const RETRY_MS = 1_000;
const MAX_KEYS = 100;
const FETCH_TIMEOUT_MS = 3_000;

const JwkSet = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });
/**
 * A public key. A key with a private part (`d`) is refused: it was published by accident, and anybody could sign with
 * it.
 */
const PublicJwk = z.looseObject({ kty: z.string() }).refine((jwk) => !('d' in jwk));

type KeySet = ReturnType<typeof createLocalJWKSet>;
const NO_KEYS = createLocalJWKSet({ keys: [] });

/** What a token's header says about the key that signed the token. */
interface KeyQuery {
  readonly alg: string;
  readonly kid: string | undefined;
}

interface SigningKeysOptions {
  /** Asks the issuer for its JWK set. */
  readonly fetchSet: () => Promise<unknown>;
  readonly now: () => number;
}

/** Thrown when the issuer does not give its keys. The fault is on our side or on the issuer's, not on the caller's. */
export class KeysUnavailable extends Error {}

/**
 * The issuer's keys. Each isolate has one set of them.
 *
 * Requests share only keys that have arrived, and never a promise of keys. In workerd a fetch belongs to the request
 * that started it, and is cut off when that request ends. For this reason each request that needs keys fetches them
 * itself, until the keys of one fetch have arrived.
 */
export class SigningKeys {
  readonly #options: SigningKeysOptions;
  #keys: KeySet = NO_KEYS;
  /** When the fetch that brought {@link #keys} started (`#askedAt`) and ended (`#fetchedAt`). */
  #askedAt = Number.NEGATIVE_INFINITY;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  /**
   * Finds the one key that may have signed a token with this header.
   * @returns undefined when no key fits, or when several keys fit
   * @throws KeysUnavailable when the issuer does not answer and no usable key is left
   */
  async find(query: KeyQuery): Promise<CryptoKey | undefined> {
    await this.#beCurrent();
    const key = await keyIn(this.#keys, query);
    if (key !== undefined || this.#sinceLastLook() < COOLDOWN_MS) return key;
    await this.#tryFetch();
    return await keyIn(this.#keys, query);
  }

  async #beCurrent(): Promise<void> {
    const now = this.#options.now();
    const age = now - this.#fetchedAt;
    if (age < FRESH_MS) return;
    if (age < USABLE_MS) {
      if (this.#sinceLastLook() >= COOLDOWN_MS) await this.#tryFetch();
      return;
    }
    if (now - this.#failedAt < RETRY_MS) throw new KeysUnavailable('the last fetch failed a moment ago');
    await this.#fetch();
  }

  #sinceLastLook(): number {
    return this.#options.now() - Math.max(this.#fetchedAt, this.#failedAt);
  }

  async #tryFetch(): Promise<void> {
    await this.#fetch().catch((thrown: unknown) => {
      if (!(thrown instanceof KeysUnavailable)) throw thrown;
    });
  }

  async #fetch(): Promise<void> {
    const askedAt = this.#options.now();
    try {
      const { keys } = JwkSet.parse(await this.#options.fetchSet());
      // Another request may have started its fetch after this one, and already have newer keys.
      if (askedAt < this.#askedAt) return;
      this.#askedAt = askedAt;
      this.#fetchedAt = this.#options.now();
      this.#keys = createLocalJWKSet({ keys: keys.flatMap(usable) });
    } catch (cause) {
      this.#failedAt = this.#options.now();
      throw new KeysUnavailable(cause instanceof z.ZodError ? 'the answer is no JWK set' : String(cause), {
        cause,
      });
    }
  }
}

/**
 * Fetches the issuer's JWK set. A redirect is an error: it could lead to keys of another issuer.
 * @throws Error when the issuer does not answer in time, or does not answer with status 200 and JSON
 */
export async function fetchKeySet(url: string): Promise<unknown> {
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { accept: 'application/json, application/jwk-set+json' },
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (response.status === 200) return await response.json();
  await response.body?.cancel();
  throw new Error(`HTTP status ${response.status}`);
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
