/**
 * Reads and writes `traceparent`, `tracestate` and `baggage` (W3C Trace Context Level 2, W3C Baggage), in every runtime
 * and for every carrier. All other code uses this module for that.
 * @module
 */
export type { BaggageDropReason } from './baggage.ts';
export {
  type Carrier,
  type CarrierReader,
  FIELDS,
  type FieldName,
  type ReadName,
  setCarrier,
} from './carrier.ts';
export { fromAmqpHeaders, fromCeleryHeaders } from './carriers/amqp.ts';
export { type EnvironmentLike, fromEnvironment, withEnvironment } from './carriers/environment.ts';
export { fromGrpcMetadata, type GrpcMetadataLike } from './carriers/grpc.ts';
export { fromKafkaHeaders, type KafkaHeaders } from './carriers/kafka.ts';
export {
  fromMessageAttributes,
  type TextAttribute,
  withMessageAttributes,
} from './carriers/message-attributes.ts';
export { fromPayload, withPayload } from './carriers/payload.ts';
export { type HeaderRecord, withCarrier } from './carriers/record.ts';
export { fromSqlComment, withSqlComment } from './carriers/sql-comment.ts';
export { type Dropped, type Extraction, type ExtractReason, extract } from './extract.ts';
export { inject } from './inject.ts';
export { ThroughlinePropagator } from './propagator.ts';
export {
  fromHeaders,
  fromNatsHeaders,
  fromNodeHeaders,
  fromRecord,
  type HeadersLike,
  type NatsHeadersLike,
} from './readers.ts';
export { startTrace } from './span-context.ts';
export { FLAG_RANDOM } from './traceparent.ts';
export { TraceState, type TracestateDropReason, type TracestateReading } from './tracestate.ts';
