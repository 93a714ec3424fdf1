import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import { context } from '@opentelemetry/api';
import { answerTo, http, https, MAX_HEADERS, USER_AGENT } from '../../node-http.ts';
import { sendTrace } from '../../telemetry/outgoing-trace.ts';
import type { AllowList } from '../targets/allow-list.ts';
import { tooLarge } from './answer-body.ts';
import { hasHeader } from './request-headers.ts';

/** As Node's own agents: a connection is kept for 5 s. */
const AGENT = { keepAlive: true, scheduling: 'lifo', timeout: 5_000 } as const;
/** Connections of these agents lead to addresses that were checked. Those of Node's own agents need not. */
const AGENTS = {
  'http:': new http.Agent(AGENT),
  'https:': new https.Agent(AGENT),
} as const;

/** Schemes by which a server may take all requests of a connection for those of one user (RFC 4559, section 6). */
const OF_CONNECTION = /^ *(?:negotiate|ntlm)\b/i;
/** Methods of requests that may be sent twice (RFC 9110, section 9.2.2). */
const IDEMPOTENT = ['GET', 'HEAD', 'PUT', 'DELETE'];
/** The codes of Node's errors when the other side has closed the connection. */
const CLOSED = ['ECONNRESET', 'EPIPE'];

export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface HttpExchangeParts {
  /** Looks names up, and refuses addresses. */
  readonly lookup: LookupFunction;
  /** The origins that get `tracestate` and `baggage`. */
  readonly baggageAllow: Pick<AllowList, 'has'>;
}

/**
 * Sends one HTTP request with the trace context. The connection goes to the address that was checked, so the name cannot
 * lead to another address after the check.
 *
 * A server may close a connection that was kept just when the request comes. An idempotent request is then sent again, over a
 * new one.
 * @param signal ends the exchange at any point, until the body is read
 * @returns the answer, whose body is to be read or destroyed
 * @throws ThroughlineError `target-refused`; any error of Node when the target cannot be reached
 */
export async function sendRequest(
  { lookup, baggageAllow }: HttpExchangeParts,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { url, method } = request;
  const body = bodyOf(request);
  const headers = headersToSend(request, body, baggageAllow.has(url));
  const [transport, kept] = url.protocol === 'https:' ? [https, AGENTS['https:']] : [http, AGENTS['http:']];
  const send = (agent: Agent | false): ClientRequest =>
    transport.request(url, { ...MAX_HEADERS, method, headers, signal, lookup, agent });
  const sent = send(signsConnection(request) ? false : kept);
  return await answerTo(sent, body).catch((cause: NodeJS.ErrnoException) => {
    const wasClosed = sent.reusedSocket && CLOSED.includes(cause.code ?? '');
    if (!wasClosed || !IDEMPOTENT.includes(method)) throw cause;
    return answerTo(send(false), body);
  });
}

/**
 * Reads the body of an answer, as it was sent.
 * @throws ThroughlineError `operation-rejected` when it has more bytes than `limit`; any error of Node when it breaks off
 */
export async function readBody(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > limit) {
      response.destroy();
      throw tooLarge(limit);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The headers of an answer. Values of one name are joined with commas. */
export function headersOf(response: IncomingMessage): Record<string, string> {
  const entries = Object.entries(response.headersDistinct).map(([name, values]) => [
    name,
    (values ?? []).join(', '),
  ]);
  return Object.fromEntries(entries);
}

function headersToSend(
  request: HttpRequest,
  body: Buffer | undefined,
  getsBaggage: boolean,
): Record<string, string | number> {
  const headers: Record<string, string | number> = { ...request.headers };
  // Some services refuse requests without one.
  if (!hasHeader(headers, 'user-agent')) headers['user-agent'] = USER_AGENT;
  if (body !== undefined && typeof request.body !== 'string' && !hasHeader(headers, 'content-type'))
    headers['content-type'] = 'application/json';
  if (body !== undefined) headers['content-length'] = body.length;
  sendTrace(context.active(), getsBaggage, (name, value) => {
    headers[name] = value;
  });
  return headers;
}

/** Whether the connection must not be kept, since the next job on it would have the rights of this one. */
function signsConnection({ headers }: HttpRequest): boolean {
  return Object.entries(headers).some(
    ([name, value]) => name.toLowerCase() === 'authorization' && OF_CONNECTION.test(value),
  );
}

function bodyOf({ body }: HttpRequest): Buffer | undefined {
  if (body === undefined || body === null) return undefined;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
