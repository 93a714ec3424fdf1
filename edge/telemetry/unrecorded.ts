import { type Context, createContextKey } from '@opentelemetry/api';

const UNRECORDED = createContextKey('throughline unrecorded');

/** Marks a context in which no span is recorded, whatever the sampler and the caller say. Spans still have ids. */
export function withoutRecording(context: Context): Context {
  return context.setValue(UNRECORDED, true);
}

/** Whether {@link withoutRecording} marked the context. */
export function isUnrecorded(context: Context): boolean {
  return context.getValue(UNRECORDED) === true;
}
