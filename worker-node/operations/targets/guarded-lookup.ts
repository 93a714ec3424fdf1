import { lookup as dnsLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { ThroughlineError } from '../../../shared/errors.ts';

/**
 * Makes a `lookup` function for Node's sockets. It refuses a host name if one of the name's addresses is refused. Node
 * connects to the addresses that were checked, so the name cannot lead to another address after the check. A literal
 * address in a URL is not looked up, so it has to be checked before.
 *
 * The errors say which address it was. They are for the operator: a caller must not learn what a name leads to.
 * @param opener the setting that opens more addresses, for the error
 */
export function guardedLookup(isAllowed: (address: string) => boolean, opener: string): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined)
        return callback(error ?? new Error(`${hostname} has no address`), '');
      const refused = addresses.find(({ address }) => !isAllowed(address));
      if (refused !== undefined) {
        const why = `${hostname} leads to ${refused.address}, an address that is refused unless ${opener} opens it`;
        return callback(new ThroughlineError('target-refused', why), '');
      }
      if (options.all === true) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}
