import { ADDRCONFIG, type LookupAddress, type LookupOptions, promises } from 'node:dns';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** The first wait for each name server. The second is twice as long. */
const PATIENCE = { timeout: 2_000, tries: 2 } as const;
const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];

/**
 * Finds the addresses of a name by asking DNS. `dns.lookup` asks the operating system instead, which holds one of the few threads
 * for lookups until DNS has answered or 10 s and more have passed: some names without an answer hold up the lookups of all others.
 * The hosts file and search domains do not count here.
 * @param options.hints `ADDRCONFIG`, which sockets set, asks only for the families of which this machine has an address
 * @throws an error of Node when there is no address, such as `ENOTFOUND` or `ETIMEOUT`
 */
export async function queryDns(
  hostname: string,
  { hints = 0 }: LookupOptions = {},
): Promise<LookupAddress[]> {
  const families = (hints & ADDRCONFIG) === 0 ? FAMILIES : familiesHere();
  // A new one reads anew which name servers the machine has.
  const resolver = new promises.Resolver(PATIENCE);
  const answers = await Promise.allSettled(families.map((family) => query(resolver, hostname, family)));
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const [first] = answers;
  if (found.length === 0 && first?.status === 'rejected') throw first.reason;
  return found;
}

/** The families of which this machine has an address that is not its loopback; all if it has none. */
function familiesHere(): readonly Family[] {
  const own = ownAddresses().filter(({ internal }) => !internal);
  const here = FAMILIES.filter((family) => own.some((address) => address.family === `IPv${family}`));
  return here.length === 0 ? FAMILIES : here;
}

function ownAddresses(): NetworkInterfaceInfo[] {
  try {
    return Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  } catch {
    // A systemd unit hides them, unless its RestrictAddressFamilies names AF_NETLINK.
    return [];
  }
}

async function query(
  resolver: promises.Resolver,
  hostname: string,
  family: Family,
): Promise<LookupAddress[]> {
  const addresses = await (family === 4 ? resolver.resolve4(hostname) : resolver.resolve6(hostname));
  return addresses.map((address) => ({ address, family }));
}
