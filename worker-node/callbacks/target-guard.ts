import type { LookupFunction } from 'node:net';
import { ThroughlineError } from '../../shared/errors.ts';
import { isMetadataName } from '../operations/targets/address-ranges.ts';
import { isPublicAddress, type OpenAddresses } from '../operations/targets/addresses.ts';
import { AllowList } from '../operations/targets/allow-list.ts';
import { guardedLookup } from '../operations/targets/guarded-lookup.ts';
import { queryDns } from '../operations/targets/query-dns.ts';
import { hostOf, isLiteral, originOf } from '../operations/targets/target-url.ts';

/**
 * Decides where callbacks may go. The URLs of callbacks come from tenants, so they must not reach the worker's network.
 * Two kinds of targets are allowed: https to public addresses, and the origins in `CALLBACK_ALLOW`.
 */
export class TargetGuard {
  readonly #allowed: AllowList;
  readonly #lookupAllowed: LookupFunction;
  /** Tenants choose these names, so those without an answer must not hold up those of others. */
  readonly #lookupPublic = guardedLookup(isPublicAddress, 'CALLBACK_ALLOW', queryDns);

  /**
   * @param allow the value of `CALLBACK_ALLOW`, in the format of `HTTP_REQUEST_ALLOW`
   * @param open where the names in `CALLBACK_ALLOW` may lead to
   * @throws ThroughlineError `config-invalid` naming `CALLBACK_ALLOW`
   */
  constructor(allow: string, open: OpenAddresses) {
    this.#allowed = new AllowList(allow, 'CALLBACK_ALLOW');
    this.#lookupAllowed = guardedLookup((address) => open.has(address), 'TARGET_ADDRESSES_ALLOW');
  }

  /**
   * Checks everything that can be checked before the host name is looked up.
   * @returns the lookup function for the connection, which checks the addresses
   * @throws ThroughlineError `target-refused`
   */
  admit(url: URL): LookupFunction {
    if (this.#allowed.has(url)) return this.#lookupAllowed;
    if (url.protocol !== 'https:') throw refused(`${originOf(url)} is not https`);
    const host = hostOf(url);
    if (isLiteral(host) && !isPublicAddress(host)) throw refused(`${host} is not a public address`);
    if (isMetadataName(host)) throw refused(`${host} is the metadata service of a cloud`);
    return this.#lookupPublic;
  }
}

function refused(why: string): ThroughlineError {
  return new ThroughlineError('target-refused', `${why}, and CALLBACK_ALLOW of this worker does not open it`);
}
