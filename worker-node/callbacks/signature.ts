import { createHmac } from 'node:crypto';
import { ThroughlineError } from '../../shared/errors.ts';
import type { WorkerConfig } from '../config.ts';

interface SignedMessage {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly body: string;
}

/**
 * The value of `webhook-signature`: one signature for each key, so that a receiver may know the old secret or the new
 * one (https://www.standardwebhooks.com, "Symmetric signatures").
 */
export function signatureOf({ id, timestamp, body }: SignedMessage, keys: readonly Uint8Array[]): string {
  const content = `${id}.${timestamp}.${body}`;
  return keys
    .map((key) => `v1,${createHmac('sha256', key).update(content, 'utf8').digest('base64')}`)
    .join(' ');
}

/** The keys that sign callbacks: a tenant's own keys, or the common ones. */
export class CallbackSecrets {
  readonly #own: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly #common: readonly Uint8Array[] | undefined;

  constructor(config: Pick<WorkerConfig, 'CALLBACK_SECRET' | 'CALLBACK_SECRETS'>) {
    this.#own = config.CALLBACK_SECRETS;
    this.#common = config.CALLBACK_SECRET;
  }

  /** The keys of a tenant, the newest first. @throws ThroughlineError `callback-unsigned` */
  of(tenant: string): readonly Uint8Array[] {
    const keys = this.#own.get(tenant) ?? this.#common;
    if (keys !== undefined) return keys;
    throw new ThroughlineError(
      'callback-unsigned',
      'the worker that tried has no secret for this tenant: neither CALLBACK_SECRET nor CALLBACK_SECRETS holds one',
    );
  }
}
