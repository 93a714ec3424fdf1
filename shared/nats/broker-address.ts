import * as z from 'zod';
import { urlRule } from '../config.ts';
import { percentDecoded } from '../text/percent-decoded.ts';
import { type BrokerLogin, isSameLogin } from './broker-login.ts';

/** Where NATS is, as `NATS_URL` says. */
export interface BrokerAddress {
  /** URLs without credentials, in the order in which they are tried. */
  readonly servers: readonly string[];
  /** The user or the token in the URLs, if there is one. It is the same for all servers. */
  readonly login?: BrokerLogin | undefined;
}

const WEB_SOCKET = /^wss?:/i;
const TLS = /^tls:/i;

/**
 * The setting `NATS_URL`: one server, or several with commas between them. As in other NATS programs, each URL may hold a
 * user and a password (`nats://user:password@host`) or a token (`nats://token@host`).
 * @param schemes the schemes that this side can connect with, without the colon
 */
export function brokerAddress(...schemes: readonly string[]): z.ZodType<BrokerAddress, string> {
  const form = `${urlRule(schemes)}, or a comma list of such URLs`;
  return z.string(form).transform((text, context) => {
    const urls = urlsOf(text, schemes);
    const message = urls === undefined ? form : faultOf(urls);
    if (urls !== undefined && message === undefined) return addressOf(urls);
    // The text may hold a password, so the message shows nothing of it.
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

/** Whether the servers are reached over WebSocket. */
export function usesWebSocket(servers: readonly string[]): boolean {
  return servers.some((server) => WEB_SOCKET.test(server));
}

/** Whether the connection must be encrypted. One `tls://` asks for it, for all servers. */
export function needsTls(servers: readonly string[]): boolean {
  return servers.some((server) => TLS.test(server));
}

/** Servers as logs and errors may name them: without path and query, which may hold a secret. */
export function serverNames(servers: readonly string[]): string {
  return servers
    .map((server) => {
      const { protocol = '', host = '' } = URL.parse(server) ?? {};
      return `${protocol}//${host}`;
    })
    .join(', ');
}

/** The URLs of the list; undefined if there are none, or one is not a URL of these schemes with a host. */
function urlsOf(text: string, schemes: readonly string[]): URL[] | undefined {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const urls = parts
    .map((part) => URL.parse(part))
    .filter((url) => url !== null)
    .filter(({ hostname, protocol }) => hostname !== '' && schemes.includes(protocol.slice(0, -1)));
  return urls.length > 0 && urls.length === parts.length ? urls : undefined;
}

function faultOf(urls: readonly URL[]): string | undefined {
  if (urls.some(hasStrayPart)) {
    return 'must have no path, query or fragment; such characters in a user or a password must be percent-encoded';
  }
  if (new Set(urls.map(({ protocol }) => WEB_SOCKET.test(protocol))).size > 1) {
    return 'must not mix ws:// or wss:// with other schemes';
  }
  if (urls.some(({ username, password }) => username === '' && password !== '')) {
    return 'must name the user of its password';
  }
  const [first, ...others] = loginsOf(urls);
  return first !== undefined && others.some((other) => !isSameLogin(first, other))
    ? 'must hold the same user and password in each URL'
    : undefined;
}

/** A WebSocket may have a path and a query. An "@" in them is more likely the end of a password that is not encoded. */
function hasStrayPart({ protocol, pathname, search, hash }: URL): boolean {
  const rest = `${pathname}${search}`;
  if (hash !== '') return true;
  return WEB_SOCKET.test(protocol) ? rest.includes('@') : rest !== '' && rest !== '/';
}

function addressOf(urls: readonly URL[]): BrokerAddress {
  const servers = urls.map(({ protocol, host, pathname, search }) => {
    const rest = `${pathname}${search}`;
    return `${protocol}//${host}${rest === '/' ? '' : rest}`;
  });
  const [login] = loginsOf(urls);
  return { servers: [...new Set(servers)], ...(login === undefined ? {} : { login }) };
}

/** The logins that URLs hold. A name without a password is a token, as in the NATS clients for Go and Rust. */
function loginsOf(urls: readonly URL[]): BrokerLogin[] {
  return urls
    .filter(({ username }) => username !== '')
    .map(({ username, password }) =>
      password === ''
        ? { token: percentDecoded(username) }
        : { user: percentDecoded(username), password: percentDecoded(password) },
    );
}
