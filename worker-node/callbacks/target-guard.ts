import { isIP, type LookupFunction } from 'node:net';
import { ThroughlineError } from '../../shared/errors.ts';
import { AllowList, isRoutable } from '../operations/built-in/allow-list.ts';
import { guardedLookup } from '../operations/built-in/guarded-lookup.ts';
import { isPublicAddress } from './public-address.ts';

/**
 * Where callbacks may go. Their URLs come from tenants, so the worker's network is closed to them: https to public
 * addresses, and what the operator opens on purpose.
 */
export class TargetGuard {
  readonly #opened: AllowList;
  readonly #lookupOpened = guardedLookup(isRoutable);
  readonly #lookupPublic = guardedLookup(isPublicAddress);

  /** @param allow as `HTTP_REQUEST_ALLOW`. @throws ThroughlineError `config-invalid` naming `CALLBACK_ALLOW` */
  constructor(allow: string) {
    this.#opened = new AllowList(allow, 'CALLBACK_ALLOW');
  }

  /**
   * Checks a target, as far as that is possible before its name is looked up.
   * @returns the lookup to connect with, which checks the rest
   * @throws ThroughlineError `target-refused`
   */
  admit(url: URL): LookupFunction {
    if (this.#opened.has(url)) return this.#lookupOpened;
    if (url.protocol !== 'https:') throw refused(`${url.origin} is not https`);
    // Odd spellings (127.1, 0x7f000001) are plain addresses since the URL was parsed.
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(host) !== 0 && !isPublicAddress(host)) throw refused(`${host} is not a public address`);
    return this.#lookupPublic;
  }
}

function refused(why: string): ThroughlineError {
  return new ThroughlineError('target-refused', `${why}, and CALLBACK_ALLOW of this worker does not open it`);
}
