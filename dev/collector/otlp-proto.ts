import protobuf from 'protobufjs';

// The parts of OTLP 1.x that a trace collector reads and writes, with the names and numbers of
// github.com/open-telemetry/opentelemetry-proto. The decoder skips all other fields. Enums are int32 here: they have the
// same bytes, and an unknown value stays a number.
const SCHEMA = `
  syntax = "proto3";

  message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message InstrumentationScope { string name = 1; string version = 2; }

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

  // google.rpc.Status, the body of every error answer.
  message RpcStatus { int32 code = 1; string message = 2; }
`;

const { root } = protobuf.parse(SCHEMA);
const REQUEST = root.lookupType('ExportTraceServiceRequest');
const RESPONSE = root.lookupType('ExportTraceServiceResponse');
const RPC_STATUS = root.lookupType('RpcStatus');

/** The answer to an export: empty, or how many spans were rejected, and why. */
export interface ExportResponse {
  partialSuccess?: { rejectedSpans: number; errorMessage: string };
}

/**
 * Decodes an OTLP trace export. The result has the shape of the JSON form, but bytes stay bytes.
 * @throws an Error of protobufjs when the bytes are not such a message
 */
export function decodeExportRequest(body: Uint8Array): unknown {
  // 64-bit numbers become strings: nanoseconds since 1970 do not fit into a JavaScript number.
  return REQUEST.toObject(REQUEST.decode(body), { longs: String });
}

/** Encodes the answer to an export. It has no bytes when every span was taken, as the specification asks. */
export function encodeExportResponse(response: ExportResponse): Uint8Array {
  return RESPONSE.encode(RESPONSE.fromObject(response)).finish();
}

/** Encodes the body of an error answer, a `google.rpc.Status`. */
export function encodeRpcStatus(message: string): Uint8Array {
  return RPC_STATUS.encode(RPC_STATUS.fromObject({ message })).finish();
}
