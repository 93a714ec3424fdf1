import { describeThrown } from '../shared/errors.ts';
import { secondsText } from '../shared/text/duration.ts';
import { startTimeLimit, startTimer, type Timer } from '../shared/timers.ts';
import { NoAnswerError } from './errors.ts';

/** An HTTP request. */
export interface HttpRequest {
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly method?: string | undefined;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What to call the server in an error, such as `the API`. */
  readonly who: string;
}

export interface HttpAnswer {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * Sends a request and reads the whole answer within `timeoutMs`. A redirect is an answer too: to follow it could send
 * the credentials to another server.
 * @throws NoAnswerError whose message names the address; the reason of `signal` when it aborts
 */
export async function exchange(request: HttpRequest): Promise<HttpAnswer> {
  const { fetch = globalThis.fetch, method = 'GET', url, headers, body, timeoutMs, signal } = request;
  const limit = startTimeLimit(timeoutMs);
  try {
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.any([signal, limit.signal]),
      ...(body === undefined ? {} : { body }),
    });
    const { status, headers: answered } = response;
    return { url, status, headers: answered, text: await textOf(chunksOf(response, request), request) };
  } catch (cause) {
    throw failureOf(request, cause);
  } finally {
    limit.stop();
  }
}

/** An answer whose body arrives bit by bit. */
interface HttpStream {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Sends a request whose answer may go on for any time. `timeoutMs` is the longest silence: before the answer, and then
 * between two chunks of its body.
 * @throws NoAnswerError before the answer and while its body arrives; the reason of `signal` when it aborts
 */
export async function exchangeStream(request: HttpRequest): Promise<HttpStream> {
  const { fetch = globalThis.fetch, url, headers, timeoutMs, signal } = request;
  const silence = new SilenceLimit(timeoutMs);
  try {
    const response = await fetch(url, {
      headers,
      redirect: 'manual',
      signal: AbortSignal.any([signal, silence.signal]),
    });
    const body = chunksOf(response, request, silence);
    return { url, status: response.status, headers: response.headers, body };
  } catch (cause) {
    silence.stop();
    throw failureOf(request, cause);
  }
}

/** The most bytes of an answer. The largest is that of a batch: 100 jobs, each with its result. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;

/** Reads a whole body as text. @throws NoAnswerError `answer-invalid` when it is too long */
export async function textOf(
  body: AsyncIterable<Uint8Array>,
  { who, url }: Pick<HttpRequest, 'who' | 'url'>,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new NoAnswerError('answer-invalid', `${who} at ${url} sent an answer of more than 128 MiB`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Aborts its signal when `restart` is not called for `limitMs`. */
class SilenceLimit {
  readonly #limitMs: number;
  readonly #controller = new AbortController();
  #timer: Timer | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(): void {
    this.stop();
    const abort = (): void => this.#controller.abort(new DOMException('nothing came', 'TimeoutError'));
    this.#timer = startTimer(this.#limitMs, abort);
  }

  stop(): void {
    this.#timer?.stop();
  }
}

/** The chunks of a body. A caller that leaves the loop early closes the connection. */
async function* chunksOf(
  { body }: Response,
  request: HttpRequest,
  silence?: SilenceLimit,
): AsyncGenerator<Uint8Array> {
  // A reader, because not every browser can iterate over a stream.
  const reader = body?.getReader();
  try {
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
      silence?.restart();
      yield read.value;
    }
  } catch (cause) {
    throw failureOf(request, cause, { isAnswered: true });
  } finally {
    silence?.stop();
    await reader?.cancel().catch(() => undefined);
  }
}

/** What to throw for an error of fetch. */
function failureOf(
  { url, timeoutMs, who, signal }: HttpRequest,
  cause: unknown,
  { isAnswered = false } = {},
): unknown {
  if (signal.aborted) return signal.reason;
  if (cause instanceof NoAnswerError) return cause;
  if (cause instanceof DOMException && cause.name === 'TimeoutError') {
    const message = `${who} at ${url} did not answer within ${secondsText(timeoutMs)}`;
    return new NoAnswerError('timeout', message, cause);
  }
  const reason = reasonOf(cause, url);
  // A server of https:// closes the connection when it is not greeted with TLS.
  const hint = reason === CUT && !isAnswered && url.startsWith('http:') ? '; is it an https:// address?' : '';
  return new NoAnswerError('unreachable', `cannot reach ${who} at ${url}: ${reason}${hint}`, cause);
}

const CUT = 'the connection was cut';
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
  Z_DATA_ERROR: 'the answer is not compressed as it says',
  CERT_HAS_EXPIRED: 'the certificate of this address has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host name',
  DEPTH_ZERO_SELF_SIGNED_CERT: NO_TRUST,
  SELF_SIGNED_CERT_IN_CHAIN: NO_TRUST,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NO_TRUST,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NO_TRUST,
};

/** Why fetch failed. fetch itself only says `fetch failed`; the reason is its cause, or a cause of the cause. */
function reasonOf(thrown: unknown, url: string): string {
  let deepest = thrown;
  for (let depth = 0; deepest instanceof Error && depth < 5; depth++) {
    const code = 'code' in deepest ? String(deepest.code) : '';
    const reason = REASONS[code] ?? reasonOfProtocol(deepest, code, url);
    if (reason !== undefined) return reason;
    // The Fetch standard's list of ports that belong to other protocols ("bad port").
    if (deepest.message === 'bad port') return 'fetch never calls this port; use another one';
    if (deepest.cause === undefined) break;
    deepest = deepest.cause;
  }
  return describeThrown(deepest);
}

/** Why two ends do not understand each other. */
function reasonOfProtocol({ name }: Error, code: string, url: string): string | undefined {
  if (code.startsWith('ERR_SSL_') && url.startsWith('https:')) {
    return 'no TLS is spoken there; is it an http:// address?';
  }
  if (name === 'HTTPParserError') return 'no HTTP is spoken there; is it an https:// address?';
  return undefined;
}
