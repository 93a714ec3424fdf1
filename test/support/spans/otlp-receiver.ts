import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { readTraceExport } from '../../../shared/trace/otlp/trace-export.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { listening } from '../http/listening.ts';
import { readLogExport, type SentLog } from './log-export.ts';

/** What a receiver answers to one export. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface OtlpReceiver {
  readonly url: string;
  /** The spans of the exports that were answered with 200. */
  readonly spans: SpanRecord[];
  /** The same for log records. */
  readonly logs: SentLog[];
  /** The same exports as they came, of all signals. */
  readonly bodies: unknown[];
  readonly requests: IncomingMessage[];
}

/** A header of the first export. */
export function headerOf({ requests }: OtlpReceiver, name: string): unknown {
  return requests[0]?.headers[name];
}

/** A collector that answers as a test wants. @param answers one for each export; the last one stays */
export async function otlpReceiver(...answers: readonly Answer[]): Promise<OtlpReceiver> {
  const left = [...answers];
  const spans: SpanRecord[] = [];
  const logs: SentLog[] = [];
  const bodies: unknown[] = [];
  const requests: IncomingMessage[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests.push(request);
    const isZipped = request.headers['content-encoding'] === 'gzip';
    const body = await text(isZipped ? request.pipe(createGunzip()) : request);
    const {
      status = 200,
      headers = {},
      body: answer = {},
    } = (left.length > 1 ? left.shift() : left[0]) ?? {};
    if (status === 200) {
      const sent: unknown = JSON.parse(body);
      bodies.push(sent);
      spans.push(...readTraceExport(sent).spans);
      logs.push(...readLogExport(sent));
    }
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(answer));
  };
  const server = createServer((request, response) => void take(request, response));
  const url = await listening(server);
  return { url, spans, logs, bodies, requests };
}
