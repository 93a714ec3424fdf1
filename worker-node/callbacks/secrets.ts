import { ThroughlineError } from '../../shared/errors.ts';
import type { WorkerConfig } from '../config.ts';

/** The keys that callbacks are signed with: a tenant's own, or the one for all. */
export class CallbackSecrets {
  readonly #own: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly #common: readonly Uint8Array[] | undefined;

  constructor(config: Pick<WorkerConfig, 'CALLBACK_SECRET' | 'CALLBACK_SECRETS'>) {
    this.#own = config.CALLBACK_SECRETS;
    this.#common = config.CALLBACK_SECRET;
  }

  /** The newest first. @throws ThroughlineError `callback-unsigned` */
  of(tenant: string): readonly Uint8Array[] {
    const keys = this.#own.get(tenant) ?? this.#common;
    if (keys !== undefined) return keys;
    throw new ThroughlineError(
      'callback-unsigned',
      'the worker has no secret of this tenant (CALLBACK_SECRETS), and none for all (CALLBACK_SECRET)',
    );
  }
}
