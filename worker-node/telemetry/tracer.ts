import { SERVICE } from '../../shared/trace/semantics.ts';
import { tracerOf } from '../../shared/trace/tracer.ts';

/** Makes the spans of the worker itself. */
export const tracer = tracerOf(SERVICE.worker);
