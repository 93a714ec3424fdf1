import { readFile } from 'node:fs/promises';
import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { answer, serve, type TestServer } from '../../support/cli/servers.ts';

interface OtlpSpan extends Record<string, unknown> {
  readonly traceId: string;
  readonly kind: number;
  readonly status?: { readonly code?: number };
  readonly links?: readonly Record<string, unknown>[];
}

interface ResourceSpans {
  readonly resource: unknown;
  readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
}

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const CODES = ['UNSET', 'OK', 'ERROR'];

/**
 * A server that gives the spans of a file of OTLP in JSON as Tempo does: inside `trace`, in protobuf's own JSON, whose ids are
 * base64 and whose enums are names (tempo.proto, `TraceByIDResponse`).
 */
export async function startTempo(file: string, status: 'COMPLETE' | 'PARTIAL'): Promise<TestServer> {
  return await serve(async ({ path = '' }) => {
    const traceId = new URL(path, 'http://tempo').pathname.split('/').at(-1) ?? '';
    const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.includes(traceId));
    // The last line may be half written.
    const exports = lines.map((line) => parseJson(line) as { resourceSpans: ResourceSpans[] } | undefined);
    const resourceSpans = exports
      .flatMap((one) => one?.resourceSpans ?? [])
      .map(({ resource, scopeSpans }) => ({
        resource,
        scopeSpans: scopeSpans.map(({ spans }) => ({
          spans: spans.filter((span) => span.traceId === traceId).map(tempoSpan),
        })),
      }));
    return lines.length === 0 ? answer(404, {}) : answer(200, { trace: { resourceSpans }, status });
  });
}

function tempoSpan({ kind, status = {}, links = [], ...span }: OtlpSpan): unknown {
  return {
    ...withBase64(span),
    kind: `SPAN_KIND_${KINDS[kind]}`,
    status: status.code ? { ...status, code: `STATUS_CODE_${CODES[status.code]}` } : {},
    links: links.map(withBase64),
  };
}

function withBase64(record: Record<string, unknown>): Record<string, unknown> {
  const ids = ['traceId', 'spanId', 'parentSpanId'].filter((name) => record[name] !== undefined);
  const encoded = ids.map((name) => [name, Buffer.from(String(record[name]), 'hex').toString('base64')]);
  return { ...record, ...Object.fromEntries(encoded) };
}
