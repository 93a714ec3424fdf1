import { describeThrown } from '../shared/errors.ts';
import { secondsText } from '../shared/text/duration.ts';
import { NoAnswerError } from './no-answer-error.ts';

/** An HTTP request, and how to speak of whoever does not answer it. */
export interface HttpRequest {
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly method?: string | undefined;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** For the whole exchange, the body of the answer included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** `the API`. */
  readonly who: string;
}

export interface HttpAnswer {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * One HTTP exchange. Redirects are answers too: following one would leave the credentials behind, or hand them on.
 * @throws NoAnswerError in a sentence that names the address; what `signal` aborts with
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
    if (signal.aborted) throw signal.reason;
    throw noAnswer(request, cause);
  }
}

/** The beginning of an answer whose body comes bit by bit. */
export interface HttpStream {
  readonly url: string;
  readonly status: number;
  readonly mediaType: string;
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body, where it is short. */
  readonly text: () => Promise<string>;
}

/**
 * Begins an HTTP exchange whose answer may last. `timeoutMs` is the longest silence: before the answer, and then
 * between two parts of its body.
 * @throws NoAnswerError before the answer and while its body comes; what `signal` aborts with
 */
export async function exchangeStream(request: HttpRequest): Promise<HttpStream> {
  const { fetch = globalThis.fetch, url, headers, timeoutMs, signal } = request;
  const silence = new AbortController();
  const late = new DOMException('nothing came', 'TimeoutError');
  let timer = setTimeout(() => silence.abort(late), timeoutMs);
  const fail = (cause: unknown): unknown => {
    clearTimeout(timer);
    return signal.aborted ? signal.reason : noAnswer(request, cause);
  };
  const response = await fetch(url, {
    headers,
    redirect: 'manual',
    signal: AbortSignal.any([signal, silence.signal]),
  }).catch((cause: unknown) => {
    throw fail(cause);
  });
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunksOf(response)) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(late), timeoutMs);
        yield chunk;
      }
    } catch (cause) {
      throw fail(cause);
    } finally {
      clearTimeout(timer);
    }
  }
  const mediaType = (response.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const text = async (): Promise<string> => {
    const decoder = new TextDecoder();
    let all = '';
    for await (const chunk of body()) all += decoder.decode(chunk, { stream: true });
    return all + decoder.decode();
  };
  return { url, status: response.status, mediaType, body: body(), text };
}

/** Not every browser lets a stream be iterated. Whoever stops early closes the connection. */
async function* chunksOf({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function noAnswer({ url, timeoutMs, who }: HttpRequest, cause: unknown): NoAnswerError {
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

/** fetch says `fetch failed`, and the reason is the cause, sometimes the cause's cause. */
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
