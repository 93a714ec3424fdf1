/** An IPv6 caller usually has a whole network of this many 16-bit groups to itself. */
const IPV6_GROUPS = 4;

/**
 * The address of a request's client, as far as it is known; for IPv6 its network of 64 bits. workerd alone gives the address of
 * the socket. Cloudflare sets a header, and overwrites what the client sent in it.
 */
export function clientAddress({ headers, cf }: Request): string {
  const { clientIp } = (cf ?? {}) as { readonly clientIp?: unknown };
  const address = typeof clientIp === 'string' ? clientIp : (headers.get('cf-connecting-ip') ?? '');
  return address.includes('.')
    ? address.slice(0, 45).replace(/:[0-9]+$/, '')
    : networkOf(address.slice(0, 45));
}

function networkOf(address: string): string {
  const [head = '', tail] = address.replace(/^\[|\](?::[0-9]+)?$/g, '').split('::');
  const groups = head.split(':');
  // `::` stands for groups of zeros.
  const zeros = tail === undefined ? [] : Array(IPV6_GROUPS).fill('0');
  return [...groups, ...zeros].slice(0, IPV6_GROUPS).join(':');
}
