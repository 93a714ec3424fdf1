/**
 * Stands for the parser of IP addresses in `@nats-io/nats-core`, of which the client calls this function only, for the names of
 * TLS certificates and for DNS. A WebSocket of workerd does both by itself. The bundle is 0.7 KiB smaller.
 */

/** Whether the host of a URL is an IP address. */
export function isIP(host: string): boolean {
  return /^[0-9.]+$|:/.test(host);
}
