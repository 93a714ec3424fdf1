import { isIP, type LookupFunction } from 'node:net';
import { ThroughlineError } from '../../shared/errors.ts';
import { guardedLookup, isPublicAddress, isRoutable } from '../operations/targets/addresses.ts';
import { AllowList } from '../operations/targets/allow-list.ts';

/**
 * Decides where callbacks may go. The URLs of callbacks come from tenants, so they must not reach the worker's network.
 * Two kinds of targets are allowed: https to public addresses, and the origins in `CALLBACK_ALLOW`.
 */
export class TargetGuard {
  readonly #allowed: AllowList;
  readonly #lookupAllowed = guardedLookup(isRoutable);
  readonly #lookupPublic = guardedLookup(isPublicAddress);

  /**
   * @param allow the value of `CALLBACK_ALLOW`, in the format of `HTTP_REQUEST_ALLOW`
   * @throws ThroughlineError `config-invalid` naming `CALLBACK_ALLOW`
   */
  constructor(allow: string) {
    this.#allowed = new AllowList(allow, 'CALLBACK_ALLOW');
  }

  /**
   * Checks everything that can be checked before the host name is looked up.
   * @returns the lookup function for the connection, which checks the addresses
   * @throws ThroughlineError `target-refused`
   */
  admit(url: URL): LookupFunction {
    if (this.#allowed.has(url)) return this.#lookupAllowed;
    if (url.protocol !== 'https:') throw refused(`${url.origin} is not https`);
    // The URL parser has turned odd spellings (127.1, 0x7f000001) into plain addresses.
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(host) !== 0 && !isPublicAddress(host)) throw refused(`${host} is not a public address`);
    return this.#lookupPublic;
  }
}

function refused(why: string): ThroughlineError {
  return new ThroughlineError('target-refused', `${why}, and CALLBACK_ALLOW of this worker does not open it`);
}
