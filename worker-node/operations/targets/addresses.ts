import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ThroughlineError } from '../../../shared/errors.ts';
import { commaList } from '../../../shared/text/comma-list.ts';
import { type Address, addressInside, isIn, METADATA, type Range, SPECIAL } from './address-ranges.ts';

const SETTING = 'TARGET_ADDRESSES_ALLOW';
/** The bits of a mapped address (`::ffff:10.0.0.7`) before those of the IPv4 address. */
const MAPPED_BITS = 96;

/**
 * Whether `address` is an IP address of the public internet, and no metadata service of a cloud. An IPv4 address that is
 * written inside an IPv6 address is not public, whatever it is.
 */
export function isPublicAddress(address: string): boolean {
  const parsed = parse(address);
  return parsed !== undefined && isPublic(parsed);
}

/**
 * The addresses that the names in the lists of allowed targets may lead to: public ones, and what the operator opens. A
 * metadata service is opened only by its own address, not by a range around it. An address of NAT64, 6to4 or Teredo is
 * open if both it and the IPv4 address inside it are.
 */
export class OpenAddresses {
  readonly #ranges: readonly Range[];

  /**
   * @param text comma-separated addresses and ranges: `10.0.0.0/8, fd00::/8, 127.0.0.1`; empty: only public addresses
   * @throws ThroughlineError `config-invalid` naming `TARGET_ADDRESSES_ALLOW`
   */
  constructor(text: string) {
    this.#ranges = commaList(text).map(parseRange);
  }

  /** Whether a name may lead to `address`. */
  has(address: string): boolean {
    const parsed = parse(address);
    return parsed !== undefined && (isPublic(parsed) || this.#opens(parsed));
  }

  #opens(address: Address): boolean {
    // A mapped address is another way to write an IPv4 address.
    if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress())
      return this.#opens(address.toIPv4Address());
    const needsOwnEntry = isMetadata(address);
    const isOpen = this.#ranges.some((range) => isIn(address, range) && (!needsOwnEntry || isSingle(range)));
    const inside = addressInside(address);
    return isOpen && (inside === undefined || isPublic(inside) || this.#opens(inside));
  }
}

function isPublic(address: Address): boolean {
  return !isMetadata(address) && !SPECIAL.some((range) => isIn(address, range));
}

function isMetadata(address: Address): boolean {
  return METADATA.some((one) => isIn(address, [one, bitsOf(one)]));
}

function isSingle([address, bits]: Range): boolean {
  return bits === bitsOf(address);
}

function bitsOf(address: Address): number {
  return address.kind() === 'ipv4' ? 32 : 128;
}

/**
 * ipaddr.js also reads spellings such as `127.1`, and zones such as `%eth0`, which no target may have. It takes `::10.0.0.7` for
 * `::ffff:10.0.0.7`, which is another address, so it gets IPv6 as URLs write it: without dots.
 */
function parse(text: string): Address | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined;
  return ipaddr.parse(isIP(text) === 4 ? text : new URL(`http://[${text}]`).hostname.slice(1, -1));
}

function parseRange(entry: string): Range {
  const [, host = '', bits] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(entry) ?? [];
  const address = parse(host);
  const count = address && (bits === undefined ? bitsOf(address) : Number(bits));
  if (address === undefined || count === undefined || count > bitsOf(address)) {
    throw new ThroughlineError(
      'config-invalid',
      `${SETTING}: ${JSON.stringify(entry)} is not an address or a range such as 10.0.0.0/8`,
    );
  }
  // An address is compared as IPv4 if it is a mapped one.
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && count >= MAPPED_BITS
    ? [address.toIPv4Address(), count - MAPPED_BITS]
    : [address, count];
}
