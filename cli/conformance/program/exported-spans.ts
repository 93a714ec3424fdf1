/** Reads what a program under test exports over OTLP/HTTP: the few fields of spans that cases look at. */
import { parseJson } from '../../../shared/text/json/parse-json.ts';

/** `SPAN_KIND_CONSUMER` of OTLP. */
export const CONSUMER_KIND = 5;

/** A span of an export. */
export interface ExportedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty if the span has no parent. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  /** The ids of the spans that it links to. */
  readonly links: readonly string[];
}

/** The spans of an export, in protobuf or JSON. None if it cannot be read. Never throws. */
export function readExportedSpans(body: Buffer, contentType: string): ExportedSpan[] {
  try {
    return contentType.includes('json') ? fromJson(body) : fromProto(body);
  } catch {
    return [];
  }
}

interface JsonExport {
  readonly resourceSpans?: readonly {
    readonly scopeSpans?: readonly {
      readonly spans?: readonly Partial<Record<keyof ExportedSpan, unknown>>[];
    }[];
  }[];
}

function fromJson(body: Buffer): ExportedSpan[] {
  const { resourceSpans = [] } = (parseJson(body.toString()) ?? {}) as JsonExport;
  const spans = resourceSpans.flatMap(({ scopeSpans = [] }) =>
    scopeSpans.flatMap((scope) => scope.spans ?? []),
  );
  return spans.map(({ traceId = '', spanId = '', parentSpanId = '', name = '', kind, links }) => ({
    traceId: String(traceId),
    spanId: String(spanId),
    parentSpanId: String(parentSpanId),
    name: String(name),
    kind: kind === 'SPAN_KIND_CONSUMER' ? CONSUMER_KIND : Number(kind ?? 0),
    links: ((links ?? []) as readonly { readonly spanId?: string }[]).map((link) => link.spanId ?? ''),
  }));
}

/** The numbers are those of opentelemetry-proto: request, resource_spans, scope_spans, then the fields of a span. */
function fromProto(body: Buffer): ExportedSpan[] {
  const spans = bytesOf(body, 1).flatMap((resource) =>
    bytesOf(resource, 2).flatMap((scope) => bytesOf(scope, 2)),
  );
  return spans.map((span) => {
    const text = (field: number, encoding: BufferEncoding): string =>
      bytesOf(span, field)[0]?.toString(encoding) ?? '';
    const kind = [...fieldsOf(span)].find(({ field }) => field === 6)?.value;
    return {
      traceId: text(1, 'hex'),
      spanId: text(2, 'hex'),
      parentSpanId: text(4, 'hex'),
      name: text(5, 'utf8'),
      kind: typeof kind === 'number' ? kind : 0,
      links: bytesOf(span, 13).map((link) => bytesOf(link, 2)[0]?.toString('hex') ?? ''),
    };
  });
}

/** The values of one field of a message, which are bytes. */
function bytesOf(message: Buffer, wanted: number): Buffer[] {
  return [...fieldsOf(message)].flatMap(({ field, value }) =>
    field === wanted && Buffer.isBuffer(value) ? [value] : [],
  );
}

/**
 * The fields of a protobuf message. A library would be a dependency of the whole command line, for one case.
 * @throws RangeError if the message is cut
 */
function* fieldsOf(message: Buffer): Generator<{ readonly field: number; readonly value: number | Buffer }> {
  let at = 0;
  const varint = (): number => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) yield { field, value: varint() };
    else {
      const length = type === 2 ? varint() : type === 1 ? 8 : 4;
      if (at + length > message.length) throw new RangeError('a field is cut');
      yield { field, value: message.subarray(at, at + length) };
      at += length;
    }
  }
}
