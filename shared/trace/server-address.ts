import type { Attributes } from '@opentelemetry/api';
import { ATTR } from './semantics.ts';

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/**
 * Where a server is. The port is left out if neither the URL nor its scheme names it.
 * @param server its URL; undefined if it is not known
 */
export function serverAttributes(server: string | URL | undefined): Attributes {
  if (server === undefined) return {};
  const { hostname, port: given, protocol } = new URL(server);
  const port = given === '' ? PORTS[protocol] : Number(given);
  // An IPv6 address stands in brackets in a URL, and without them in an attribute.
  const address = { [ATTR.serverAddress]: hostname.replace(/[[\]]/g, '') };
  return port === undefined ? address : { ...address, [ATTR.serverPort]: port };
}
