import { NoAnswerError } from '../../../client/errors.ts';
import type { HttpAnswer } from '../../../client/exchange.ts';
import { CliError } from '../../cli-error.ts';
import { ask } from '../../http/request.ts';

const TIMEOUT_MS = 5_000;
const HINT =
  'set --traces-url or THROUGHLINE_TRACES_URL; `throughline dev` prints the address of its own trace store';

/** A trace store that answers over HTTP. */
export interface HttpStore {
  readonly url: string;
  /** Sent with each request, such as a key or the tenant. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Asks a trace store for something.
 * @param url below the address of the store
 * @param read makes a value of the answer's JSON; what it throws means that the answer cannot be read
 * @returns undefined if the store has no such thing (status 404)
 * @throws CliError `traces-unreachable` if the store does not answer, or fails; `answer-invalid`
 */
export async function askStore<T>(
  { headers }: HttpStore,
  url: string,
  read: (answer: unknown) => T,
  signal: AbortSignal,
): Promise<T | undefined> {
  const answer = await ask({
    url,
    headers: { accept: 'application/json', ...headers },
    timeoutMs: TIMEOUT_MS,
    signal,
    who: 'the trace store',
  }).catch((thrown: unknown) => {
    throw thrown instanceof NoAnswerError ? unreachable(thrown) : thrown;
  });
  if (answer.status === 404 && !isOtherServer(answer)) return undefined;
  if (answer.status !== 200) throw refused(answer);
  try {
    return read(JSON.parse(answer.text));
  } catch (cause) {
    throw invalid(answer, cause);
  }
}

/**
 * Whether a 404 is about the address rather than about the trace: a page, a problem of another API, or what servers in Go say
 * about a path that they do not have.
 */
function isOtherServer({ text, headers }: HttpAnswer): boolean {
  const type = headers.get('content-type') ?? '';
  return /^\s*<|^404 page not found/.test(text) || /^application\/problem\+json/i.test(type);
}

function unreachable({ code, message, cause }: NoAnswerError): CliError {
  const hint = code === 'unreachable' ? HINT : undefined;
  return new CliError('traces-unreachable', message, { cause, hint });
}

function refused({ url, status }: Answered): CliError {
  if (status === 401 || status === 403) {
    const message = `the trace store at ${url} wants other credentials (HTTP status ${status})`;
    return new CliError('traces-unreachable', message, { hint: 'set THROUGHLINE_TRACES_HEADERS' });
  }
  if (status === 429 || status >= 500)
    return new CliError('traces-unreachable', `the trace store at ${url} failed (HTTP status ${status})`);
  return invalid({ url, status });
}

function invalid({ url, status }: Answered, cause?: unknown): CliError {
  const message = `${url} answered (HTTP status ${status}) with something that is not a trace`;
  return new CliError('answer-invalid', message, { cause, hint: HINT });
}

interface Answered {
  readonly url: string;
  readonly status: number;
}
