/**
 * Gives a server the name that the DNS knows. The URL standard writes `ä.example` as `xn--4ca.example` only for schemes such as
 * http and ws; for `nats://` it writes `%C3%A4.example`, which no DNS server finds.
 * @param server a URL
 */
export function withAsciiHost(server: string): string {
  const { protocol, hostname, port } = new URL(server);
  const ascii = hostname.includes('%') ? URL.parse(`http://${hostname}`)?.hostname : undefined;
  return ascii === undefined ? server : `${protocol}//${ascii}${port === '' ? '' : `:${port}`}`;
}
