import { isIP } from 'node:net';

/**
 * Reads a URL as a target. The URL parser turns other spellings of a host (`127.1`, `0x7f000001`, `①.1`, capitals, `bücher.example`)
 * into plain ones. A dot at the end of a name goes too: it names the same host, and TLS has no such names.
 * @param base for a URL that is relative to another
 * @returns null if `text` is no URL
 */
export function parseTarget(text: string, base?: URL): URL | null {
  const url = URL.parse(text, base?.href);
  if (url?.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1);
  return url;
}

/** The host of a URL as lists compare it: without the brackets of an IPv6 address, and without a dot at the end of a name. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/**
 * The origin of a URL, for a sentence. A URL of most other schemes has none, or has that of the URL in it (`blob:`), and is named by
 * its scheme: `data:`.
 */
export function originOf({ origin, host, protocol }: URL): string {
  return origin === 'null' || host === '' ? protocol : origin;
}

/** Whether a host is an address and no name. */
export function isLiteral(host: string): boolean {
  return isIP(host) !== 0;
}
