import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { ThroughlineError } from '../../../shared/errors.ts';

/** Finds all addresses of a name. */
type FindAddresses = (hostname: string, options: LookupOptions) => Promise<LookupAddress[]>;

/**
 * Makes a `lookup` function for Node's sockets. It refuses a host name if one of the name's addresses is refused. Node
 * connects to the addresses that were checked, so the name cannot lead to another address after the check. A literal
 * address in a URL is not looked up, so it has to be checked before.
 *
 * The errors say which address it was. They are for the operator: a caller must not learn what a name leads to.
 * @param opener the setting that opens more addresses, for the error
 * @param find by default, the operating system is asked
 */
export function guardedLookup(
  isAllowed: (address: string) => boolean,
  opener: string,
  find: FindAddresses = askSystem,
): LookupFunction {
  return (hostname, options, callback) => {
    const give = (addresses: LookupAddress[]) => {
      const [first] = addresses;
      if (first === undefined) return callback(new Error(`${hostname} has no address`), '');
      const refused = addresses.find(({ address }) => !isAllowed(address));
      if (refused !== undefined) {
        const why = `${hostname} leads to ${refused.address}, an address that is refused unless ${opener} opens it`;
        return callback(new ThroughlineError('target-refused', why), '');
      }
      if (options.all === true) return callback(null, addresses);
      return callback(null, first.address, first.family);
    };
    find(hostname, options).then(give, (error) => callback(error, ''));
  };
}

function askSystem(hostname: string, options: LookupOptions): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses) =>
      error === null ? resolve(addresses) : reject(error),
    );
  });
}
