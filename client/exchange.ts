import { startTimer, type Timer } from '../shared/timers.ts';
import { NoAnswerError } from './errors.ts';
import type { Explain } from './options.ts';

/** An HTTP request. */
export interface HttpRequest {
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly method?: string | undefined;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What to call the server in an error: `the API at https://jobs.example`. */
  readonly who: string;
  /** Says why fetch failed. */
  readonly explain?: Explain | undefined;
}

/** An answer with its whole body. */
export interface HttpAnswer {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * Sends a request and reads the whole answer within `timeoutMs`. A redirect is not followed, but is the answer: the
 * credentials could go to another server.
 * @throws NoAnswerError whose message names the server; the reason of `signal` when it aborts
 */
export async function exchange(request: HttpRequest): Promise<HttpAnswer> {
  const { body, ...answer } = await open(request, limitOf(request, false));
  return { ...answer, text: await textOf(body, request) };
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
  return await open(request, limitOf(request, true));
}

async function open(request: HttpRequest, limit: TimeLimit): Promise<HttpStream> {
  const { fetch = globalThis.fetch, method = 'GET', url, headers, body, signal } = request;
  const startedAt = performance.now();
  try {
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.any([signal, limit.signal]),
      body: body ?? null,
    });
    const { status, headers: answered } = response;
    return { url, status, headers: answered, body: chunksOf(response, request, limit) };
  } catch (cause) {
    limit.stop();
    throw failureOf(request, limit, cause, { isAnswered: false, afterMs: performance.now() - startedAt });
  }
}

/** The most bytes of an answer. The largest is that of a batch: 100 jobs, each with its result. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;

/** Reads a whole body as text. @throws NoAnswerError `answer-invalid` when it is too long */
export async function textOf(
  body: AsyncIterable<Uint8Array>,
  { who }: Pick<HttpRequest, 'who'>,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new NoAnswerError('answer-invalid', `${who} sent an answer of more than 128 MiB`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Aborts its signal after some time: of silence, or in all. */
interface TimeLimit extends Timer {
  readonly signal: AbortSignal;
  /** A part of the answer came. */
  heard(): void;
}

function limitOf({ who, timeoutMs }: HttpRequest, isOfSilence: boolean): TimeLimit {
  const controller = new AbortController();
  const start = (): Timer =>
    startTimer(timeoutMs, () =>
      controller.abort(new NoAnswerError('timeout', `${who} did not answer within ${timeoutMs / 1_000} s`)),
    );
  let timer = start();
  const stop = (): void => timer.stop();
  const heard = (): void => {
    if (!isOfSilence) return;
    stop();
    timer = start();
  };
  return { signal: controller.signal, heard, stop };
}

/** The chunks of a body. A caller that leaves the loop early closes the connection. */
async function* chunksOf(
  { body }: Response,
  request: HttpRequest,
  limit: TimeLimit,
): AsyncGenerator<Uint8Array> {
  // A reader, because not every browser can iterate over a stream.
  const reader = body?.getReader();
  try {
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
      limit.heard();
      yield read.value;
    }
  } catch (cause) {
    throw failureOf(request, limit, cause, { isAnswered: true });
  } finally {
    limit.stop();
    await reader?.cancel().catch(() => undefined);
  }
}

/** What to throw for an error of fetch. Not every fetch throws the reason of a signal. */
function failureOf(
  request: HttpRequest,
  limit: TimeLimit,
  cause: unknown,
  how: Pick<Parameters<Explain>[1], 'isAnswered' | 'afterMs'>,
): unknown {
  const { url, who, signal, explain = wordsOf } = request;
  if (signal.aborted) return signal.reason;
  if (limit.signal.aborted) return limit.signal.reason;
  const reason = explain(cause, { url, ...how });
  return new NoAnswerError('unreachable', `cannot reach ${who}: ${reason}`, cause);
}

/** The words of the deepest cause: fetch itself only says `fetch failed`. */
function wordsOf(thrown: unknown): string {
  let deepest = thrown;
  for (let depth = 0; deepest instanceof Error && deepest.cause !== undefined && depth < 5; depth++) {
    deepest = deepest.cause;
  }
  return deepest instanceof Error ? deepest.message || deepest.name : 'fetch failed';
}
