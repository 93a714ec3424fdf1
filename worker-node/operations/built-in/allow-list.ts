import { BlockList, isIP } from 'node:net';
import { ThroughlineError } from '../../../shared/errors.ts';

/** One entry of an allow-list. */
interface AllowedTarget {
  readonly protocol: string;
  /** `example.internal`, or `.example.internal` for every name below it. */
  readonly host: string;
  /** Empty: the protocol's own. */
  readonly port: string;
}

const ENTRY = /^(https?):\/\/(\*\.)?([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?\/?$/i;

/**
 * Addresses that are nobody's service: cloud metadata (link-local), "this host", multicast, reserved. A name on the
 * allow-list that resolves to one of these is refused; a literal on the list is the operator's own word.
 */
const NEVER = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  NEVER.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['fe80::', 10],
  ['ff00::', 8],
  // What leads to an IPv4 address by another way: NAT64, 6to4.
  ['::', 128],
  ['64:ff9b::', 96],
  ['2002::', 16],
  // The metadata service of AWS.
  ['fd00:ec2::254', 128],
] as const) {
  NEVER.addSubnet(network, prefix, 'ipv6');
}

/** Targets that an operator opens: those that `http.request` may call, say. Empty (the default) means none. */
export class AllowList {
  readonly #targets: readonly AllowedTarget[];
  readonly #setting: string;

  /**
   * @param text comma-separated origins: `http://billing.internal:8080, https://*.svc.example`
   * @param setting where it comes from, for whoever reads an error
   * @throws ThroughlineError `config-invalid` quoting the entry that cannot be read
   */
  constructor(text: string, setting = 'HTTP_REQUEST_ALLOW') {
    this.#setting = setting;
    this.#targets = text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .map((entry) => parseEntry(entry, setting));
  }

  /** Whether the list names the URL's origin. */
  has({ protocol, hostname, port }: URL): boolean {
    return this.#targets.some(
      (target) => target.protocol === protocol && target.port === port && hostFits(target.host, hostname),
    );
  }

  /** @throws ThroughlineError `target-refused` */
  check(url: URL): void {
    if (url.username !== '' || url.password !== '') {
      throw new ThroughlineError('target-refused', 'the URL must not hold a user name or a password');
    }
    if (this.has(url)) return;
    throw new ThroughlineError('target-refused', `${url.origin} is not in ${this.#setting} of this worker`);
  }
}

/** Whether a name may be followed to this address. */
export function isRoutable(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return !NEVER.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

function hostFits(pattern: string, hostname: string): boolean {
  return pattern.startsWith('.') ? hostname.endsWith(pattern) : hostname === pattern;
}

function parseEntry(entry: string, setting: string): AllowedTarget {
  const [, protocol, wildcard, host] = ENTRY.exec(entry) ?? [];
  const parsed = protocol === undefined ? null : URL.parse(entry.replace('*.', ''));
  if (parsed === null || host === undefined) {
    throw new ThroughlineError(
      'config-invalid',
      `${setting}: ${JSON.stringify(entry)} is not an origin such as http://billing.internal:8080 or https://*.svc.example`,
    );
  }
  const hostname = wildcard === undefined ? parsed.hostname : `.${parsed.hostname}`;
  return { protocol: parsed.protocol, host: hostname, port: parsed.port };
}
