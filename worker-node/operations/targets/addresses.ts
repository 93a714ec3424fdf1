import { lookup as dnsLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ThroughlineError } from '../../../shared/errors.ts';

/**
 * How far an address is from this worker's network:
 * - `never`: no job and no callback may go to this address. It is link-local (the metadata services of clouds),
 *   multicast or reserved, or it is another way to write an IPv4 address.
 * - `inside`: the address is not on the public internet, but a service of the operator may have it.
 * - `public`: the address is on the public internet.
 */
type Reach = 'never' | 'inside' | 'public';

/** The ranges come from the IANA registries of special-purpose addresses (RFC 6890). */
const RANGES = {
  never: [
    '0.0.0.0/8',
    '169.254.0.0/16',
    '224.0.0.0/4',
    '240.0.0.0/4',
    '::/128',
    'fe80::/10',
    'ff00::/8',
    // Addresses of NAT64 and 6to4 hold an IPv4 address.
    '64:ff9b::/96',
    '2002::/16',
    // This is the metadata service of AWS.
    'fd00:ec2::254/128',
  ].map((range) => ipaddr.parseCIDR(range)),
  inside: [
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    // These are all addresses except 2000::/3, the only part of IPv6 that IANA has given out for global unicast.
    '::/3',
    '4000::/2',
    '8000::/1',
    // This range is for protocol assignments, such as Teredo.
    '2001::/23',
    '2001:db8::/32',
    '3fff::/20',
  ].map((range) => ipaddr.parseCIDR(range)),
};

/** Whether `address` is an IP address of the public internet. */
export function isPublicAddress(address: string): boolean {
  return reachOf(address) === 'public';
}

/** Whether a host name that the operator allows may lead to `address`. */
export function isRoutable(address: string): boolean {
  return reachOf(address) !== 'never';
}

function reachOf(text: string): Reach {
  // ipaddr.js also reads spellings such as `127.1`, which no resolver returns.
  if (isIP(text) === 0) return 'never';
  const address = ipaddr.parse(text);
  if (!(address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress())) return rangeOf(address);
  // An IPv4 address inside an IPv6 address is never public, but it may belong to the worker's network.
  return rangeOf(address.toIPv4Address()) === 'never' ? 'never' : 'inside';
}

function rangeOf(address: ipaddr.IPv4 | ipaddr.IPv6): Reach {
  return ipaddr.subnetMatch(address, RANGES, 'public') as Reach;
}

/**
 * Makes a `lookup` function for Node's sockets. It refuses a host name if one of the name's addresses is refused. Node
 * connects to the addresses that were checked, so the name cannot lead to another address after the check. A literal
 * address in a URL is not looked up, so it has to be checked before.
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
