import {
  type Attributes,
  type AttributeValue,
  type Context,
  context,
  INVALID_SPANID,
  INVALID_TRACEID,
  type Link,
  type Span,
  type SpanContext,
  trace,
} from '@opentelemetry/api';
import { isTracingSuppressed } from '@opentelemetry/core';
import { type Sampler, SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { tracer } from '../tracer.ts';
import { type LightSource, LightSpan } from './light-span.ts';
import { isUsual } from './moment.ts';
import type { SpanShape } from './span-shape.ts';

const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;
const NO_LINKS: readonly Link[] = [];
const NO_ATTRIBUTES = {};

/** What makes light spans. */
export interface LightSpans extends LightSource {
  readonly sampler: Sampler;
}

let light: LightSpans | undefined;

/**
 * From now on {@link startSpan} makes light spans where it can. Only for a process whose spans go to one processor, and whose limits
 * leave the spans of a job as they are.
 * @param spans undefined: no longer
 */
export function useLightSpans(spans: LightSpans | undefined): void {
  light = spans;
}

/** What a span starts with beside its shape. */
interface Start {
  /** Names and values in turns, of attributes that its shape does not have. The list is the span's from here on. */
  readonly own: AttributeValue[];
  /** The active context by default. */
  readonly parent?: Context;
  readonly links?: readonly Link[];
  /** Epoch milliseconds; now by default. */
  readonly startTime?: number;
}

/** Starts a span of the worker itself. Use it for the spans that each job has; for others, the tracer is good enough. */
export function startSpan(shape: SpanShape, start: Start): Span {
  return startLight(shape, start) ?? startFull(shape, start);
}

/** @returns undefined if only the SDK can make the span */
function startLight(
  shape: SpanShape,
  { own, links = NO_LINKS, startTime, parent = context.active() }: Start,
): Span | undefined {
  if (light === undefined || (startTime !== undefined && !isUsual(startTime))) return undefined;
  const parentOne = trace.getSpan(parent);
  const parentSpan = parentOne?.spanContext();
  if (parentSpan === undefined || !isPlain(parentSpan) || isTracingSuppressed(parent)) return undefined;
  // No sampler of ours records a span without those below it.
  const isRecorded = parentOne instanceof LightSpan || isSampled(light.sampler, shape, parent, parentSpan);
  if (!isRecorded) return undefined;
  return new LightSpan(light, { shape, parent, parentSpan, links, own, startTime });
}

function isSampled(sampler: Sampler, { name, kind }: SpanShape, parent: Context, { traceId }: SpanContext) {
  const { decision } = sampler.shouldSample(parent, traceId, name, kind, NO_ATTRIBUTES, []);
  return decision === SamplingDecision.RECORD_AND_SAMPLED;
}

/** Whether the ids are such as a trace context has them: code of an author may make a span of any other kind active. */
function isPlain({ traceId, spanId }: SpanContext): boolean {
  return (
    traceId.length === TRACE_DIGITS &&
    spanId.length === SPAN_DIGITS &&
    traceId !== INVALID_TRACEID &&
    spanId !== INVALID_SPANID
  );
}

function startFull({ name, kind, attributes: common }: SpanShape, { own, parent, links, startTime }: Start) {
  const attributes: Attributes = { ...common };
  for (let at = 0; at < own.length; at += 2) attributes[own[at] as string] = own[at + 1];
  const options = {
    ...{ kind, attributes },
    ...(links === undefined ? {} : { links: [...links] }),
    ...(startTime === undefined ? {} : { startTime }),
  };
  return tracer.startSpan(name, options, parent);
}
