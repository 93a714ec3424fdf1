import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** An address and the number of its leading bits that count. */
export type Range = readonly [Address, number];

/**
 * Addresses that are no hosts of the public internet: the IANA registries of special-purpose addresses for IPv4 and IPv6
 * (RFC 6890), multicast, and the part of IPv6 that IANA has not given out.
 */
export const SPECIAL: readonly Range[] = ranges(
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by carriers; Alibaba's metadata
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local; the metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // relays of 6to4
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
  // All of IPv6 but 2000::/3, the part for hosts of the internet. That is loopback, IPv4 inside IPv6, NAT64 (64:ff9b::/96 and
  // 64:ff9b:1::/48), discard, segment routing, unique local, link-local and multicast.
  '::/3',
  '4000::/2',
  '8000::/1',
  '2001::/23', // protocol assignments, such as Teredo, ORCHID, AMT and benchmarks
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
);

/** Ranges of IPv6 whose addresses lead to the IPv4 address that `inside` reads from their bytes. */
const CARRIERS: readonly { readonly range: Range; readonly inside: (bytes: number[]) => number[] }[] = [
  // NAT64 (RFC 6052, RFC 8215).
  { range: ipaddr.parseCIDR('64:ff9b::/96'), inside: (bytes) => bytes.slice(12) },
  { range: ipaddr.parseCIDR('64:ff9b:1::/48'), inside: (bytes) => bytes.slice(12) },
  // 6to4 (RFC 3056).
  { range: ipaddr.parseCIDR('2002::/16'), inside: (bytes) => bytes.slice(2, 6) },
  // Teredo (RFC 4380) turns the bits around.
  { range: ipaddr.parseCIDR('2001::/32'), inside: (bytes) => bytes.slice(12).map((byte) => byte ^ 0xff) },
];

/** Services of clouds that give credentials and secrets to whoever asks from inside. */
export const METADATA: readonly Address[] = [
  '169.254.169.254', // AWS, Azure, Google, Oracle, DigitalOcean, Hetzner, OpenStack, …
  '169.254.170.2', // AWS ECS
  '169.254.170.23', // AWS EKS
  '169.254.0.23', // Tencent
  '169.254.42.42', // Scaleway
  '100.100.100.200', // Alibaba
  '168.63.129.16', // Azure
  '192.0.0.192', // Oracle, before
  '192.80.8.124', // Equinix Metal
  'fd00:ec2::254', // AWS
  'fd00:ec2::23', // AWS EKS
  'fd20:ce::254', // Google
  'fd00:42::42', // Scaleway
  'fd00:a9fe:a9fe::1', // Akamai (Linode)
  'fd00:100::100:200', // Alibaba
  'fd00:c1::a9fe:a9fe', // Oracle
  'fe80::a9fe:a9fe', // OpenStack, Akamai, Hetzner
].map((address) => ipaddr.parse(address));

const METADATA_NAMES = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
  'metadata.tencentyun.com',
  'metadata.packet.net',
  'metadata.platformequinix.com',
  'api.metadata.cloud.ibm.com',
];

/** Whether a host name, in small letters and without a dot at its end, is one of a cloud's metadata service. */
export function isMetadataName(host: string): boolean {
  return METADATA_NAMES.includes(host);
}

/** The IPv4 address that an address of NAT64, 6to4 or Teredo leads to; undefined for any other. */
export function addressInside(address: Address): Address | undefined {
  const carrier = CARRIERS.find(({ range }) => isIn(address, range));
  return carrier && ipaddr.fromByteArray(carrier.inside(address.toByteArray()));
}

/** Whether `address` lies in a range. An address of the other family does not. */
export function isIn(address: Address, [base, bits]: Range): boolean {
  return address.kind() === base.kind() && address.match(base as never, bits);
}

function ranges(...texts: string[]): Range[] {
  return texts.map((text) => ipaddr.parseCIDR(text));
}
