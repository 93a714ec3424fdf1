import protobuf from 'protobufjs';

// The parts of OTLP 1.x that a trace collector reads and answers. Names and numbers are those of
// github.com/open-telemetry/opentelemetry-proto; what is left out is skipped by the decoder. Enums are int32
// here: the same bytes, and an unknown value stays a number.
const SCHEMA = `
  syntax = "proto3";

  message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }

  message Span {
    bytes trace_id = 1;
    bytes span_id = 2;
    bytes parent_span_id = 4;
    string name = 5;
    int32 kind = 6;
    fixed64 start_time_unix_nano = 7;
    fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9;
    repeated Event events = 11;
    repeated Link links = 13;
    Status status = 15;

    message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
    message Link { bytes trace_id = 1; bytes span_id = 2; repeated KeyValue attributes = 4; }
  }
  message Status { string message = 2; int32 code = 3; }

  message KeyValue { string key = 1; AnyValue value = 2; }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
  message AnyValue {
    oneof value {
      string string_value = 1;
      bool bool_value = 2;
      int64 int_value = 3;
      double double_value = 4;
      ArrayValue array_value = 5;
      KeyValueList kvlist_value = 6;
      bytes bytes_value = 7;
    }
  }

  message ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1; }
  message ExportTracePartialSuccess { int64 rejected_spans = 1; string error_message = 2; }

  // google.rpc.Status, the body of every refusal.
  message RpcStatus { int32 code = 1; string message = 2; }
`;

const { root } = protobuf.parse(SCHEMA);
const REQUEST = root.lookupType('ExportTraceServiceRequest');
const RESPONSE = root.lookupType('ExportTraceServiceResponse');
const RPC_STATUS = root.lookupType('RpcStatus');

/** What an export is answered: nothing when all is well, else how many spans were not taken, and why. */
export interface ExportResponse {
  partialSuccess?: { rejectedSpans: number; errorMessage: string };
}

/**
 * Decodes an OTLP trace export into the shape of its JSON form, except that bytes stay bytes.
 *
 * @throws whatever protobufjs throws for bytes that are no such message.
 */
export function decodeExportRequest(body: Uint8Array): unknown {
  // As strings: nanoseconds since 1970 do not fit a JavaScript number.
  return REQUEST.toObject(REQUEST.decode(body), { longs: String });
}

/** Encodes the answer to an export; nothing at all when every span was taken, as the specification asks. */
export function encodeExportResponse(response: ExportResponse): Uint8Array {
  return RESPONSE.encode(RESPONSE.fromObject(response)).finish();
}

/** Encodes the body of a refusal. */
export function encodeRpcStatus(message: string): Uint8Array {
  return RPC_STATUS.encode(RPC_STATUS.fromObject({ message })).finish();
}
