import type { Attributes } from '@opentelemetry/api';
import { ATTR } from './semantics.ts';

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

let last: { readonly server: string; readonly attributes: Attributes } | undefined;

/**
 * Where a server is. The port is left out if neither the URL nor its scheme names it.
 * @param server its URL; undefined if it is not known. The last one that was a text is remembered: nearly all spans name the
 *   same server of NATS
 */
export function serverAttributes(server: string | URL | undefined): Attributes {
  if (server === undefined) return {};
  if (typeof server !== 'string') return attributesOf(server);
  if (last?.server !== server) last = { server, attributes: attributesOf(new URL(server)) };
  return last.attributes;
}

function attributesOf({ hostname, port: given, protocol }: URL): Attributes {
  const port = given === '' ? PORTS[protocol] : Number(given);
  // An IPv6 address stands in brackets in a URL, and without them in an attribute.
  const address = { [ATTR.serverAddress]: hostname.replace(/[[\]]/g, '') };
  return port === undefined ? address : { ...address, [ATTR.serverPort]: port };
}
