import { lookup as dnsLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { ThroughlineError } from '../../../shared/errors.ts';

/**
 * A `lookup` for Node's sockets that refuses a name where one of its addresses is refused. The addresses that were
 * checked are the ones that are connected to, so that a name cannot change its mind in between. A literal address is
 * not looked up: check it before.
 */
export function guardedLookup(isAllowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined)
        return callback(error ?? new Error(`${hostname} has no address`), '');
      if (!addresses.every(({ address }) => isAllowed(address))) {
        const refused = `${hostname} leads to an address that is refused`;
        return callback(new ThroughlineError('target-refused', refused), '');
      }
      if (options.all === true) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}
