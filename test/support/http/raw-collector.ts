import { createServer, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { until } from '../poll.ts';
import { listening } from './listening.ts';

/** An attribute, as OTLP has it in JSON. */
interface RawAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface RawSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly RawAttribute[];
  readonly events: readonly { readonly name: string }[];
}

/** The body of an export. */
interface RawExport {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly RawAttribute[] };
    readonly schemaUrl?: string;
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string; readonly version?: string };
      readonly schemaUrl?: string;
      readonly spans: readonly RawSpan[];
    }[];
  }[];
}

/** A span with what stands around it. */
export interface ReceivedSpan extends Omit<RawSpan, 'attributes'> {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: { readonly name: string; readonly version?: string; readonly schemaUrl?: string };
}

/** How an export is answered. */
export interface CollectorAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A collector that keeps each export as it came, types of values included, and answers as the test says. */
export interface RawCollector {
  readonly url: string;
  readonly exports: readonly { readonly headers: IncomingHttpHeaders; readonly body: RawExport }[];
  readonly spans: () => ReceivedSpan[];
  readonly waitForSpan: (which: (span: ReceivedSpan) => boolean) => Promise<ReceivedSpan>;
  /**
   * Answers exports from now on. Undefined: no answer ever.
   * @param answer takes the number of exports so far
   */
  readonly answer: (answer: (exports: number) => CollectorAnswer | undefined) => void;
}

/** Starts a collector on a free port. It ends with the test file. */
export async function startRawCollector(): Promise<RawCollector> {
  const exports: { headers: IncomingHttpHeaders; body: RawExport }[] = [];
  let answer: (exports: number) => CollectorAnswer | undefined = () => ({});
  const server = createServer(async (request, response) => {
    const sent = await buffer(request);
    const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    exports.push({ headers: request.headers, body: JSON.parse(text.toString('utf8')) as RawExport });
    const { status = 200, headers = {}, body = '{}' } = answer(exports.length) ?? { status: 0 };
    if (status !== 0)
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  });
  const url = await listening(server);
  const spans = () => exports.flatMap(({ body }) => spansOf(body));
  return {
    url,
    exports,
    spans,
    waitForSpan: (which) => until('the span to arrive', () => spans().find(which)),
    answer: (next) => {
      answer = next;
    },
  };
}

function spansOf({ resourceSpans }: RawExport): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, schemaUrl, spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: valuesOf(span.attributes),
        resource: valuesOf(resource.attributes),
        scope: { ...scope, ...(schemaUrl === undefined ? {} : { schemaUrl }) },
      })),
    ),
  );
}

/** The values with their types: a text of digits stays a text. */
function valuesOf(attributes: readonly RawAttribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
