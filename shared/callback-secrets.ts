/**
 * The secrets that sign callbacks. Each tenant has secrets of its own, so that whoever can verify the callbacks of a tenant
 * cannot forge those of another.
 */
import * as z from 'zod';
import { parseConfig } from './config.ts';
import { ThroughlineError } from './errors.ts';
import { tenantMap } from './job/check/tenant-map.ts';
import { callbackSecretKey, callbackSecretOf } from './text/secret.ts';

const FORM = '"whsec_" and 24 to 64 bytes in base64';
const DERIVED_BYTES = 32;
/** The purpose of a derived key, which is followed by the tenant. */
const PURPOSE = 'throughline/callbacks/';
/** For how many tenants the derived keys are kept in memory. */
const MAX_REMEMBERED = 10_000;

/** One secret, or several with commas between them, the newest first. The value is the keys of the secrets. */
const SecretList = z.string().transform((text, context) => {
  const keys = keysOf(text.split(',').map((secret) => secret.trim()));
  if (keys !== undefined) return keys;
  context.addIssue({ code: 'custom', message: `must be ${FORM}, or a comma list of such` });
  return z.NEVER;
});

const Secrets = z.union([z.string().transform((secret) => [secret]), z.array(z.string())]);

/** The secrets of tenants, as a JSON object. The value is a map from a tenant to the keys of its secrets. */
const TenantSecrets = z
  .string()
  .default('{}')
  .transform((text, context) => {
    const map = tenantMap(text, (secrets) => keysOf(Secrets.safeParse(secrets).data ?? []));
    if (map !== undefined) return map;
    context.addIssue({
      code: 'custom',
      message: `must be a JSON object of tenants, each with a secret or a list of them: ${FORM}`,
    });
    return z.NEVER;
  });

/** The keys of the secrets; undefined if one of them is not a secret, or there is none. */
function keysOf(secrets: readonly string[]): Uint8Array<ArrayBuffer>[] | undefined {
  const keys = secrets.map(callbackSecretKey).filter((key) => key !== undefined);
  return keys.length > 0 && keys.length === secrets.length ? keys : undefined;
}

/** The settings that hold secrets, by their names. The worker and `throughline callbacks secret` read them. */
export const CALLBACK_SECRET_SETTINGS = {
  CALLBACK_SECRET: SecretList.optional(),
  CALLBACK_SECRETS: TenantSecrets,
};

const Settings = z.object(CALLBACK_SECRET_SETTINGS);

interface CallbackSecretConfig {
  /** The keys of the master secrets, the newest first. */
  readonly CALLBACK_SECRET?: readonly Uint8Array<ArrayBuffer>[] | undefined;
  readonly CALLBACK_SECRETS: ReadonlyMap<string, readonly Uint8Array<ArrayBuffer>[]>;
}

/** The keys that sign the callbacks of each tenant: its own, or keys that are derived from the master secrets. */
export class CallbackSecrets {
  readonly #own: CallbackSecretConfig['CALLBACK_SECRETS'];
  readonly #masters: readonly Uint8Array<ArrayBuffer>[];
  readonly #derived = new Map<string, Promise<readonly Uint8Array[]>>();

  constructor(config: CallbackSecretConfig) {
    this.#own = config.CALLBACK_SECRETS;
    this.#masters = config.CALLBACK_SECRET ?? [];
  }

  /**
   * The keys of a tenant, the newest first: as many as there are secrets to sign with while one replaces another.
   * @throws ThroughlineError `callback-unsigned`
   */
  async of(tenant: string): Promise<readonly Uint8Array[]> {
    const own = this.#own.get(tenant);
    if (own !== undefined) return own;
    if (this.#masters.length === 0)
      throw new ThroughlineError(
        'callback-unsigned',
        'the worker that tried has no secret for this tenant: neither CALLBACK_SECRET nor CALLBACK_SECRETS holds one',
      );
    const known = this.#derived.get(tenant);
    if (known !== undefined) return await known;
    if (this.#derived.size >= MAX_REMEMBERED) this.#derived.clear();
    const deriving = Promise.all(this.#masters.map((master) => deriveCallbackKey(master, tenant)));
    this.#derived.set(tenant, deriving);
    return await deriving;
  }
}

/**
 * Returns the secrets of a tenant as its receivers need them, the newest first.
 * @param values the settings, usually from the environment of a worker
 * @throws ThroughlineError `config-invalid` naming the setting: it is wrong, or there is no secret for the tenant
 */
export async function callbackSecretsFor(
  tenant: string,
  values: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const settings = parseConfig(Settings, values);
  if (settings.CALLBACK_SECRET === undefined && !settings.CALLBACK_SECRETS.has(tenant))
    throw new ThroughlineError('config-invalid', 'CALLBACK_SECRET: must be set, as it is for the workers');
  return (await new CallbackSecrets(settings).of(tenant)).map(callbackSecretOf);
}

/**
 * Derives the key of a tenant from the key of a master secret, with HKDF-SHA-256 (RFC 5869), without a salt. The
 * derived key does not give away the master's, or that of another tenant.
 */
async function deriveCallbackKey(master: Uint8Array<ArrayBuffer>, tenant: string): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey('raw', master, 'HKDF', false, ['deriveBits']);
  const info = new TextEncoder().encode(`${PURPOSE}${tenant}`);
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, DERIVED_BYTES * 8));
}
