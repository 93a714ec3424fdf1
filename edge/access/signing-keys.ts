import { importJWK, type JWK } from 'jose';
import * as z from 'zod';
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from './token-algorithms.ts';

/** As long as this, nobody asks the issuer again. */
const FRESH_MS = 10 * 60_000;
/** As long as this, keys are used while the issuer does not answer. */
const USABLE_MS = 60 * 60_000;
/** Between two looks for a key that is not there: whoever makes up key ids must not make us flood the issuer. */
const COOLDOWN_MS = 30_000;
/** After a failure without any keys to go on with. */
const RETRY_MS = 1_000;
const MAX_KEYS = 100;

/** A public key to check signatures with; whatever else an issuer lists is skipped (RFC 7517, section 5). */
const SigningJwk = z
  .looseObject({
    kty: z.enum(['RSA', 'EC', 'OKP']),
    kid: z.string().optional(),
    alg: z.string().optional(),
    crv: z.string().optional(),
    use: z.literal('sig').optional(),
    key_ops: z.array(z.string()).optional(),
  })
  .refine(({ key_ops }) => key_ops === undefined || key_ops.includes('verify'))
  // A private part that got there by accident is no reason to trust the key.
  .refine((jwk) => !('d' in jwk));
type SigningJwk = z.output<typeof SigningJwk>;
const JwkSet = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });

/** What a token's header says of its key. */
export interface KeyQuery {
  readonly alg: TokenAlgorithm;
  readonly kid: string | undefined;
}

export interface SigningKeysOptions {
  /** Asks the issuer for its JWK set. */
  readonly fetchSet: () => Promise<unknown>;
  readonly now: () => number;
}

/** The issuer's keys cannot be had: our trouble, not the caller's. */
export class KeysUnavailable extends Error {}

/**
 * The issuer's keys, kept per isolate. Requests share what has arrived and never a promise: in workerd a
 * fetch belongs to the request that started it, and may end with it, unfinished. So each request that needs the
 * keys fetches them itself, until the first fetch has ended.
 */
export class SigningKeys {
  readonly #options: SigningKeysOptions;
  #keys: readonly SigningJwk[] = [];
  #imported = new Map<string, CryptoKey>();
  /** When the fetch that brought {@link #keys} started, and when it ended. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  /**
   * The one key that may have signed such a token; undefined when there is none, or several without a `kid` to tell
   * them apart.
   * @throws KeysUnavailable when the issuer does not answer and no key is left
   */
  async find(query: KeyQuery): Promise<CryptoKey | undefined> {
    await this.#beCurrent();
    let jwk = this.#select(query);
    if (jwk === undefined && this.#sinceLastLook() >= COOLDOWN_MS) {
      await this.#tryFetch();
      jwk = this.#select(query);
    }
    return jwk === undefined ? undefined : await this.#import(jwk, query.alg);
  }

  async #beCurrent(): Promise<void> {
    const now = this.#options.now();
    const age = now - this.#fetchedAt;
    if (age < FRESH_MS) return;
    if (age < USABLE_MS) {
      if (this.#sinceLastLook() >= COOLDOWN_MS) await this.#tryFetch();
      return;
    }
    if (now - this.#failedAt < RETRY_MS) throw new KeysUnavailable('the last fetch failed just now');
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
      // Another request's answer, asked for later than ours, may already be here.
      if (askedAt < this.#askedAt) return;
      this.#askedAt = askedAt;
      this.#fetchedAt = this.#options.now();
      this.#imported = new Map();
      this.#keys = keys.flatMap((key) => {
        const parsed = SigningJwk.safeParse(key);
        return parsed.success ? [parsed.data] : [];
      });
    } catch (cause) {
      this.#failedAt = this.#options.now();
      throw new KeysUnavailable(cause instanceof z.ZodError ? 'the answer is no JWK set' : String(cause), {
        cause,
      });
    }
  }

  #select({ alg, kid }: KeyQuery): SigningJwk | undefined {
    const wanted: { kty: string; crv?: string } = TOKEN_ALGORITHMS[alg];
    const [found, ...more] = this.#keys.filter(
      (jwk) =>
        jwk.kty === wanted.kty &&
        (wanted.crv === undefined || jwk.crv === wanted.crv) &&
        (kid === undefined || jwk.kid === kid) &&
        // Two names of one algorithm (RFC 9864).
        (jwk.alg === undefined || jwk.alg === alg || wanted.crv === 'Ed25519'),
    );
    return more.length === 0 ? found : undefined;
  }

  async #import(jwk: SigningJwk, alg: TokenAlgorithm): Promise<CryptoKey | undefined> {
    const name = `${alg} ${this.#keys.indexOf(jwk)}`;
    const known = this.#imported.get(name);
    if (known !== undefined) return known;
    const imported = this.#imported;
    const key = await importJWK(jwk as JWK, alg);
    if (key instanceof Uint8Array) return undefined;
    imported.set(name, key);
    return key;
  }
}
