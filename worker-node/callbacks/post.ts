import type { IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import { context } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { answerTo, http, https, MAX_HEADERS } from '../node-http.ts';

/** At most this much of an answer's body is read, for at most this long. Then the connection is cut. */
const DRAIN = { bytes: 16 * 1024, ms: 1_000 } as const;

/** Most of an answer is not used, and nothing follows it on its connection. So a sloppy one is still an answer. */
const READING = { ...MAX_HEADERS, insecureHTTPParser: true } as const;

interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The lookup function that the `TargetGuard` returned. */
  readonly lookup: LookupFunction;
}

export interface PostAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** What the receiver says about the trace. */
  readonly traceResponse: string | undefined;
}

/**
 * Sends one POST over a new connection, without redirects. A connection that is already open would skip the lookup, and
 * with it the check of the address. The body of the answer is not used.
 * @param signal ends the POST at any point
 * @throws ThroughlineError `target-refused`; any error of Node when there is no answer
 */
export async function post({ url, headers, body, lookup }: Post, signal: AbortSignal): Promise<PostAnswer> {
  const transport = url.protocol === 'https:' ? https : http;
  const options = { ...READING, method: 'POST', agent: false, headers, lookup, signal } as const;
  // The instrumentation of `http` would send its own span, and the baggage, to the receiver.
  const response = await context.with(suppressTracing(context.active()), () =>
    answerTo(transport.request(url, options), body),
  );
  drainBody(response);
  const { 'retry-after': retryAfter, traceresponse } = response.headers;
  const traceResponse = Array.isArray(traceresponse) ? traceresponse.join(',') : traceresponse;
  return { status: response.statusCode ?? 0, retryAfter, traceResponse };
}

function drainBody(response: IncomingMessage): void {
  let left: number = DRAIN.bytes;
  const timer = setTimeout(() => response.destroy(), DRAIN.ms);
  response.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) response.destroy();
  });
  response.on('error', () => undefined);
  response.once('close', () => clearTimeout(timer));
}
