import { describeThrown } from '../../shared/errors.ts';

/** Where a request failed, and whether an answer had begun. */
interface Failed {
  readonly url: string;
  readonly isAnswered: boolean;
  /** Milliseconds from the start of the request. */
  readonly afterMs?: number | undefined;
}

/** A server of https:// closes the connection within this time when it is not greeted with TLS. */
const CLOSES_WITHIN_MS = 2_000;

const CUT = 'the connection was cut';
/** The codes of zlib, brotli and zstd for bytes that they have not made. */
const NOT_COMPRESSED = /^(?:Z_DATA_ERROR|ERR__ERROR_|ZSTD_error_)/;
const NO_TRUST = 'the certificate of this address is not one that this machine trusts';

/** Why a request of Node, Deno or Bun failed, by the code of its error. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: CUT,
  EPIPE: CUT,
  UND_ERR_SOCKET: CUT,
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be looked up now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too large',
  CERT_HAS_EXPIRED: 'the certificate of this address has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host name',
  DEPTH_ZERO_SELF_SIGNED_CERT: NO_TRUST,
  SELF_SIGNED_CERT_IN_CHAIN: NO_TRUST,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NO_TRUST,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NO_TRUST,
};

/**
 * Why fetch failed, for people at a terminal: the end of a sentence. fetch itself only says `fetch failed`; the reason is its
 * cause, or a cause of the cause.
 */
export function explainFailure(thrown: unknown, { url, isAnswered, afterMs = 0 }: Failed): string {
  const reason = reasonOf(thrown, url);
  // Any other server that cuts a connection has read its request, or has answered on it before.
  const mayBeTls = !isAnswered && afterMs < CLOSES_WITHIN_MS && !hasRead(thrown);
  return reason === CUT && mayBeTls && url.startsWith('http:')
    ? `${reason}; is it an https:// address?`
    : reason;
}

/** Whether anything had come on the connection that was cut. Node alone says so. */
function hasRead(thrown: unknown): boolean {
  const cause =
    thrown instanceof Error ? (thrown.cause as { socket?: { bytesRead?: unknown } } | undefined) : undefined;
  return Number(cause?.socket?.bytesRead ?? 0) > 0;
}

function reasonOf(thrown: unknown, url: string): string {
  let deepest = thrown;
  for (let depth = 0; deepest instanceof Error && depth < 5; depth++) {
    const code = 'code' in deepest ? String(deepest.code) : '';
    const reason = REASONS[code] ?? reasonOfProtocol(deepest, code, url);
    if (reason !== undefined) return `${reason}${proxyOf(deepest, url)}`;
    // The Fetch standard's list of ports that belong to other protocols ("bad port").
    if (deepest.message === 'bad port') return 'fetch never calls this port; use another one';
    const cause = causeOf(deepest);
    if (cause === undefined) break;
    deepest = cause;
  }
  // For this one answer fetch gives no reason.
  if (deepest instanceof Error && deepest.message === '')
    return 'fetch does not say why; does a proxy on the way ask for a password (HTTP status 407)?';
  return describeThrown(deepest);
}

/** The cause of an error. Node tries each address of a name: then it is the error of the last one. */
function causeOf(error: Error): unknown {
  return error instanceof AggregateError ? error.errors.at(-1) : error.cause;
}

/** Why two ends do not understand each other. */
function reasonOfProtocol({ name }: Error, code: string, url: string): string | undefined {
  if (code.startsWith('ERR_SSL_') && url.startsWith('https:')) {
    return 'no TLS is spoken there; is it an http:// address?';
  }
  if (NOT_COMPRESSED.test(code)) return 'the answer is not compressed as it says';
  if (name === 'HTTPParserError') return 'no HTTP is spoken there; is it an https:// address?';
  return undefined;
}

/** Node names the port that it called. If that is not the port of the address, the call went to a proxy of the environment. */
function proxyOf(error: Error, url: string): string {
  const { address, port } = error as Error & { readonly address?: unknown; readonly port?: unknown };
  const { protocol, port: own } = new URL(url);
  if (typeof port !== 'number' || port === Number(own || (protocol === 'https:' ? 443 : 80))) return '';
  const host = String(address).includes(':') ? `[${address}]` : address;
  return ` by ${host}:${port}, a proxy of the environment (HTTP_PROXY, HTTPS_PROXY; NO_PROXY leaves an address out)`;
}
