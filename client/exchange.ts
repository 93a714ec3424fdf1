import { describeThrown } from '../shared/errors.ts';
import { secondsText } from '../shared/text/duration.ts';
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
  try {
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)))]),
      ...(body === undefined ? {} : { body }),
    });
    return { url, status: response.status, headers: response.headers, text: await response.text() };
  } catch (cause) {
    throw failureOf(request, cause);
  }
}

/** An answer whose body arrives bit by bit. */
interface HttpStream {
  readonly url: string;
  readonly status: number;
  readonly mediaType: string;
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
    const mediaType = (response.headers.get('content-type') ?? '').split(';', 1)[0] ?? '';
    const body = chunksOf(response, request, silence);
    return { url, status: response.status, mediaType: mediaType.trim().toLowerCase(), body };
  } catch (cause) {
    silence.stop();
    throw failureOf(request, cause);
  }
}

/** Reads a whole body as text. */
export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

/** Aborts its signal when `restart` is not called for `limitMs`. */
class SilenceLimit {
  readonly #limitMs: number;
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

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
    this.#timer = setTimeout(abort, this.#limitMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** The chunks of a body. A caller that leaves the loop early closes the connection. */
async function* chunksOf(
  { body }: Response,
  request: HttpRequest,
  silence: SilenceLimit,
): AsyncGenerator<Uint8Array> {
  // A reader, because not every browser can iterate over a stream.
  const reader = body?.getReader();
  try {
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
      silence.restart();
      yield read.value;
    }
  } catch (cause) {
    throw failureOf(request, cause);
  } finally {
    silence.stop();
    await reader?.cancel().catch(() => undefined);
  }
}

/** What to throw for an error of fetch. */
function failureOf({ url, timeoutMs, who, signal }: HttpRequest, cause: unknown): unknown {
  if (signal.aborted) return signal.reason;
  if (cause instanceof DOMException && cause.name === 'TimeoutError') {
    const message = `${who} at ${url} did not answer within ${secondsText(timeoutMs)}`;
    return new NoAnswerError('timeout', message, cause);
  }
  return new NoAnswerError('unreachable', `cannot reach ${who} at ${url}: ${reasonOf(cause)}`, cause);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be looked up now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
};

/** Why fetch failed. fetch itself only says `fetch failed`; the reason is its cause, or a cause of the cause. */
function reasonOf(thrown: unknown): string {
  let deepest = thrown;
  for (let depth = 0; deepest instanceof Error && depth < 5; depth++) {
    const code = 'code' in deepest ? String(deepest.code) : '';
    const reason = REASONS[code];
    if (reason !== undefined) return reason;
    if (deepest.cause === undefined) break;
    deepest = deepest.cause;
  }
  return describeThrown(deepest);
}
