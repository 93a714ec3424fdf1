import type { CarrierReader } from '../carrier.ts';
import { textsOf } from './record.ts';

/** The part of the `Metadata` of `@grpc/grpc-js` that this file uses. */
export interface GrpcMetadataLike {
  get(key: string): readonly unknown[];
}

/**
 * Reads the metadata of a gRPC call. `Metadata` ignores the case of names. To write, use
 * `setCarrier(carrier, (name, value) => metadata.set(name, value))`.
 *
 * @example
 * const { context } = extract(fromGrpcMetadata(call.metadata));
 */
export const fromGrpcMetadata =
  (metadata: GrpcMetadataLike): CarrierReader =>
  (name) =>
    textsOf(metadata.get(name));
