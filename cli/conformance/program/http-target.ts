import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { startTimeLimit } from '../../../shared/timers.ts';
import { type ExportedSpan, readExportedSpans } from './exported-spans.ts';

/** An HTTP server that operations call, and that takes the spans of the program under test. */
export class HttpTarget {
  readonly #headers = new Map<string, IncomingHttpHeaders[]>();
  readonly #spans: ExportedSpan[] = [];
  readonly #arrivals = new EventEmitter();
  readonly #server = createServer((request, response) => {
    const path = request.url ?? '';
    if (request.method === 'GET')
      this.#headers.set(path, [...(this.#headers.get(path) ?? []), request.headers]);
    const end = (): void => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    if (path === '/v1/traces') this.#takeSpans(request).then(end, end);
    else {
      request.resume();
      end();
    }
  });

  static async open(): Promise<HttpTarget> {
    const target = new HttpTarget();
    target.#server.listen(0, '127.0.0.1');
    await once(target.#server, 'listening');
    return target;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The headers of the last GET of a path. */
  headersOf(path: string): IncomingHttpHeaders | undefined {
    return this.#headers.get(path)?.at(-1);
  }

  /** How many GETs of a path there were. */
  callsOf(path: string): number {
    return this.#headers.get(path)?.length ?? 0;
  }

  /** Whether the program has exported any span. */
  get hasSpans(): boolean {
    return this.#spans.length > 0;
  }

  /** The spans of a trace that have arrived, after `ms` at the latest, or as soon as `isEnough` says so. */
  async spansOf(
    traceId: string,
    isEnough: (spans: readonly ExportedSpan[]) => boolean,
    ms: number,
  ): Promise<readonly ExportedSpan[]> {
    const { signal, stop } = startTimeLimit(ms);
    try {
      for (;;) {
        const spans = this.#spans.filter((span) => span.traceId === traceId);
        if (isEnough(spans) || signal.aborted) return spans;
        await once(this.#arrivals, 'spans', { signal }).catch(() => undefined);
      }
    } finally {
      stop();
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #takeSpans(request: IncomingMessage): Promise<void> {
    const body = await buffer(request);
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    this.#spans.push(...readExportedSpans(plain, request.headers['content-type'] ?? ''));
    this.#arrivals.emit('spans');
  }
}
