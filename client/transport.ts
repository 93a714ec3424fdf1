import { setCarrier } from '../shared/propagation/carrier.ts';
import { parseJson } from '../shared/text/json/parse-json.ts';
import type { Expected } from './answers.ts';
import { checkHeaders, checkKey, checkNone, checkTimeout, wholeSeconds } from './arguments.ts';
import { ApiError, NoAnswerError } from './errors.ts';
import { readEventStream, type StreamMessage } from './event-stream.ts';
import { exchange, exchangeStream, type HttpRequest, textOf } from './exchange.ts';
import type { CallOptions, ClientOptions, TraceHeaders } from './options.ts';
import { writeRequestBody } from './request-body.ts';

const TIMEOUT_MS = 15_000;
/** The API sends something on an event stream every 15 s. After three times that, the connection is dead. */
const SILENCE_MS = 45_000;

/** The media type of an event stream, with or without parameters. Headers have no blanks around them. */
const EVENT_STREAM = /^text\/event-stream\s*(;|$)/i;

/** What the client adds to the options of a call. */
export interface Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Seconds that the API is asked to wait before it answers. */
  readonly waitSeconds?: number | undefined;
}

/** An answer of the API whose body has the expected shape. */
export interface Answer<T> {
  readonly value: T;
  readonly status: number;
  readonly headers: Headers;
}

/** Sends the client's requests: with its headers, trace and time limits. */
export class Transport {
  readonly #options: ClientOptions;
  readonly #api: Pick<HttpRequest, 'fetch' | 'explain'>;

  constructor(options: ClientOptions) {
    checkKey(options.apiKey);
    this.#options = options;
    this.#api = { fetch: options.fetch, explain: options.explain };
  }

  /**
   * Sends a request and reads the answer.
   * @param options what the caller gave: an option that no call has is refused
   * @throws ThroughlineError `request-invalid` when it cannot be sent; ApiError when the API answers with an error; NoAnswerError
   *   when no answer comes that can be read
   */
  async request<T>(
    expected: Expected<T>,
    url: string,
    { trace, signal, timeoutMs = TIMEOUT_MS, ...others }: CallOptions,
    { method, headers, body, waitSeconds }: Request = {},
  ): Promise<Answer<T>> {
    checkNone(others);
    const seconds = wholeSeconds(waitSeconds);
    const all: Record<string, string> = { accept: 'application/json, application/problem+json', ...headers };
    if (body !== undefined) all['content-type'] = 'application/json';
    if (seconds !== undefined) all.prefer = `wait=${seconds}`;
    const answer = await exchange({
      ...this.#api,
      url,
      who: `the API at ${url}`,
      method,
      signal: this.signalOf(signal),
      headers: this.#headersOf(trace, all),
      body: body === undefined ? undefined : writeRequestBody(body),
      timeoutMs: checkTimeout(timeoutMs) + (seconds ?? 0) * 1_000,
    });
    const { status, text } = answer;
    if (status < 200 || status >= 300) throw new ApiError(answer);
    const value = parseJson(text);
    if (expected.shape(value)) return { value, status, headers: answer.headers };
    const message = `${url} answered (HTTP status ${status}) with something that is not ${expected.name}`;
    throw new NoAnswerError('answer-invalid', message);
  }

  /**
   * Opens an event stream.
   * @param lastEventId the event after which the stream starts; undefined: from the first event on
   * @param onId gets each id that the API sends, also one without an event
   * @returns the messages, or `over` when there are no more events to come
   * @throws NoAnswerError `no-stream` when the API is too old to have event streams; `answer-invalid` when it has had one
   */
  async openStream(
    url: string,
    lastEventId: string | undefined,
    onId: (id: string) => void,
    { trace, signal, ...others }: CallOptions,
  ): Promise<AsyncIterable<StreamMessage> | 'over'> {
    checkNone(others);
    const position: Record<string, string> =
      lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const accept = { accept: 'text/event-stream, application/problem+json' };
    const request = {
      ...this.#api,
      url,
      who: `the API at ${url}`,
      timeoutMs: SILENCE_MS,
      signal: this.signalOf(signal),
      headers: this.#headersOf(trace, { ...accept, ...position }),
    };
    const { status, headers, body } = await exchangeStream(request);
    if (status === 200 && EVENT_STREAM.test(headers.get('content-type') ?? ''))
      return readEventStream(body, onId);
    const text = await textOf(body, request);
    if (status === 204) return 'over';
    const error = new ApiError({ url, status, headers, text });
    const isNoStream = (status >= 200 && status < 300) || error.code === 'route-unknown';
    // Where a stream was before, a proxy answers in the place of the API.
    const code = lastEventId === undefined ? 'no-stream' : 'answer-invalid';
    throw isNoStream ? new NoAnswerError(code, `${url} is no event stream`, error) : error;
  }

  /** The signal that ends a call: its own or the client's. */
  signalOf(signal: AbortSignal | undefined): AbortSignal {
    return AbortSignal.any([this.#options.signal, signal].filter((one) => !!one));
  }

  #headersOf(trace: TraceHeaders | undefined, headers: Request['headers']): Readonly<Record<string, string>> {
    const { apiKey, headers: common, trace: currentTrace } = this.#options;
    const all: Record<string, string> = { ...common };
    if (apiKey !== undefined) all.authorization = `Bearer ${apiKey}`;
    setCarrier(trace ?? currentTrace?.() ?? {}, (name, value) => {
      all[name] = value;
    });
    return checkHeaders({ ...all, ...headers });
  }
}

/** The filter of a list as the query of its address. A list of values is sent as one parameter for each: a `tag` for each tag. */
export function queryOf(filter: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter))
    for (const one of [value].flat())
      if (one !== undefined) query.append(name === 'tags' ? 'tag' : name, String(one));
  return query.size === 0 ? '' : `?${query}`;
}
