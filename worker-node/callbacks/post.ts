import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { context } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';

/** What of an answer is taken off the line, and for how long, before it is cut: a receiver may end it in peace. */
const DRAIN = { bytes: 16 * 1024, ms: 1_000 } as const;

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** See `TargetGuard`. */
  readonly lookup: LookupFunction;
}

export interface PostAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/**
 * One POST over a connection of its own, without redirects: a connection that is kept would pass by the lookup, and
 * with it the check. The body of the answer is not looked at.
 * @param signal ends it, whatever it is waiting for
 * @throws ThroughlineError `target-refused`; whatever Node throws when there is no answer
 */
export async function post({ url, headers, body, lookup }: Post, signal: AbortSignal): Promise<PostAnswer> {
  const transport = url.protocol === 'https:' ? https : http;
  const options = { method: 'POST', agent: false, headers, lookup, signal } as const;
  // The instrumentation of http would send its own span, and the baggage, to a stranger.
  const response = await context.with(
    suppressTracing(context.active()),
    () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const request = transport.request(url, options);
        request.once('response', resolve);
        // Not once: a connection that is cut may complain twice.
        request.on('error', reject);
        request.end(body);
      }),
  );
  drain(response);
  return { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] };
}

function drain(response: IncomingMessage): void {
  let left: number = DRAIN.bytes;
  const timer = setTimeout(() => response.destroy(), DRAIN.ms);
  response.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) response.destroy();
  });
  response.on('error', () => undefined);
  response.once('close', () => clearTimeout(timer));
}
