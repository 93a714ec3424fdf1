import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorFrom, statusOf } from '../../shared/error-table.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { ReadExport } from '../../shared/trace/otlp/trace-export.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { type Encoding, encodingOf, readExport } from './export-body.ts';
import { type ExportResponse, encodeExportResponse, encodeRpcStatus } from './otlp-proto.ts';
import { SpanWaiters } from './span-waiters.ts';
import { TraceStore } from './trace-store.ts';

/** How to start a collector. */
export interface CollectorOptions {
  /** 0 or absent: a free port. */
  port?: number;
  /** Default `127.0.0.1`. */
  host?: string;
  /** How many traces are kept; default 2000: each poll of a job's state is a trace too, and must not push out the job's. */
  maxTraces?: number;
  /** How many spans of one trace are kept; default 5000. */
  maxSpansPerTrace?: number;
}

/** A trace collector for local use and tests. It takes OTLP over HTTP, keeps it in memory, and shows it as JSON. */
export interface Collector {
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly otlpUrl: string;
  /** The list of traces. `<tracesUrl>/<traceId>` is one trace. */
  readonly tracesUrl: string;
  /** How many exports have arrived, also those that were refused. */
  readonly requests: number;
  /** The spans of a trace in the order of their start. */
  spans(traceId: string): SpanRecord[];
  allSpans(): SpanRecord[];
  /**
   * Resolves with the spans of a trace when `predicate` is true for them.
   * @throws Error after `timeoutMs`, with the spans that arrived
   */
  waitForSpans(
    traceId: string,
    predicate: (spans: SpanRecord[]) => boolean,
    timeoutMs: number,
  ): Promise<SpanRecord[]>;
  /** For tests: answers every export with this status and keeps nothing. undefined ends that. */
  setFailure(status: number | undefined): void;
  /** For tests: cuts the connection of this many exports instead of answering. */
  resetNext(count: number): void;
  close(): Promise<void>;
}

/**
 * Starts a collector that keeps traces in memory.
 * @throws Error when the port is taken
 */
export async function startCollector(options: CollectorOptions = {}): Promise<Collector> {
  const { port = 0, host = '127.0.0.1', maxTraces = 2_000, maxSpansPerTrace = 5_000 } = options;
  const collector = new LocalCollector(new TraceStore({ maxTraces, maxSpansPerTrace }));
  await collector.listen(port, host);
  return collector;
}

class LocalCollector implements Collector {
  otlpUrl = '';
  readonly #store: TraceStore;
  readonly #waiters: SpanWaiters;
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  #requests = 0;
  #failure: number | undefined;
  #resets = 0;

  constructor(store: TraceStore) {
    this.#store = store;
    this.#waiters = new SpanWaiters((traceId) => store.spans(traceId));
  }

  async listen(port: number, host: string): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    this.otlpUrl = urlOf(this.#server.address() as AddressInfo);
  }

  get tracesUrl(): string {
    return `${this.otlpUrl}/traces`;
  }

  get requests(): number {
    return this.#requests;
  }

  spans(traceId: string): SpanRecord[] {
    return this.#store.spans(traceId);
  }

  allSpans(): SpanRecord[] {
    return this.#store.allSpans();
  }

  waitForSpans(
    traceId: string,
    predicate: (spans: SpanRecord[]) => boolean,
    timeoutMs: number,
  ): Promise<SpanRecord[]> {
    return this.#waiters.wait(traceId, predicate, timeoutMs);
  }

  setFailure(status: number | undefined): void {
    this.#failure = status;
  }

  resetNext(count: number): void {
    this.#resets = count;
  }

  async close(): Promise<void> {
    this.#waiters.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (path === '/v1/traces' && request.method === 'POST') await this.#export(request, response);
    else if (OTHER_SIGNALS.includes(path)) answerOtherSignal(request, response);
    else if (request.method !== 'GET') answerJson(response, 405, { message: 'Send POST to /v1/traces.' });
    else this.#show(path, response);
  }

  async #export(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests++;
    if (this.#resets > 0) {
      this.#resets--;
      request.socket.resetAndDestroy();
      return;
    }
    const encoding = encodingOf(request.headers['content-type']);
    try {
      if (this.#failure !== undefined) {
        answerError(response, encoding, this.#failure, 'A test told the collector to fail.');
      } else if (encoding === undefined) {
        const message = 'Content-Type must be application/json or application/x-protobuf.';
        throw new ThroughlineError('media-type-unsupported', message);
      } else {
        answerExport(response, encoding, this.#keep(await readExport(request, encoding)));
      }
    } catch (error) {
      const known = errorFrom(error);
      answerError(response, encoding, statusOf(known), known.message);
    }
  }

  #keep(read: ReadExport): ExportResponse {
    const full = read.spans.filter((span) => !this.#store.add(span));
    this.#waiters.notify(new Set(read.spans.map((span) => span.traceId)));
    const reasons = [...read.rejections, ...full.map((span) => `trace ${span.traceId} is full`)];
    if (reasons.length === 0) return {};
    const errorMessage = [...new Set(reasons)].slice(0, 5).join('; ');
    return { partialSuccess: { rejectedSpans: reasons.length, errorMessage } };
  }

  #show(path: string, response: ServerResponse): void {
    const traceId = /^\/traces\/([0-9A-Fa-f]{32})$/.exec(path)?.[1]?.toLowerCase();
    const spans = traceId === undefined ? [] : this.#store.spans(traceId);
    if (path === '/healthz') answerJson(response, 200, { status: 'ok' });
    else if (path === '/traces') answerJson(response, 200, this.#store.summaries());
    else if (spans.length > 0) answerJson(response, 200, { traceId, spans });
    else answerJson(response, 404, { message: 'There is no such trace. /traces lists all traces.' });
  }
}

function answerExport(response: ServerResponse, encoding: Encoding, body: ExportResponse): void {
  if (encoding === 'json') answerJson(response, 200, body);
  else answer(response, 200, 'application/x-protobuf', encodeExportResponse(body));
}

/** Log records and metrics have no place here, and a sender must hear that. */
const OTHER_SIGNALS = ['/v1/logs', '/v1/metrics'];

function answerOtherSignal(request: IncomingMessage, response: ServerResponse): void {
  const message =
    'This collector takes traces alone. Send logs and metrics to one that has a place for them.';
  answerError(response, encodingOf(request.headers['content-type']), 404, message);
}

/** OTLP wants a `Status` message in the encoding of the request. For an unknown encoding, JSON is the readable one. */
function answerError(
  response: ServerResponse,
  encoding: Encoding | undefined,
  status: number,
  message: string,
): void {
  if (encoding === 'protobuf') answer(response, status, 'application/x-protobuf', encodeRpcStatus(message));
  else answerJson(response, status, { message });
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  answer(response, status, 'application/json', Buffer.from(JSON.stringify(body)));
}

function answer(response: ServerResponse, status: number, contentType: string, body: Uint8Array): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': body.length }).end(body);
}

/** The URL of a server. One that listens on all addresses is reached on the loopback address. */
function urlOf({ address, family, port }: AddressInfo): string {
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  return `http://${family === 'IPv6' && host !== '127.0.0.1' ? `[${host}]` : host}:${port}`;
}
