import { BlockList, isIP } from 'node:net';

// A list for each family: Node reads an IPv4 address as `::ffff:…` where a list holds IPv6 networks.
const NOT_PUBLIC_4 = new BlockList();
const GLOBAL_6 = new BlockList();
const NOT_PUBLIC_6 = new BlockList();

/** What the IPv4 registry of special-purpose addresses (RFC 6890) lists, and multicast. */
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  NOT_PUBLIC_4.addSubnet(network, prefix, 'ipv4');
}

/** All that IANA has given out so far for global unicast; loopback, private, link-local, multicast, NAT64 are not in it. */
GLOBAL_6.addSubnet('2000::', 3, 'ipv6');
for (const [network, prefix] of [
  // Protocol assignments, Teredo among them.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4: leads to an IPv4 address.
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  NOT_PUBLIC_6.addSubnet(network, prefix, 'ipv6');
}

/** Whether `address` is an IP address of the public internet. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !NOT_PUBLIC_4.check(address, 'ipv4');
  if (family === 6) return GLOBAL_6.check(address, 'ipv6') && !NOT_PUBLIC_6.check(address, 'ipv6');
  return false;
}
