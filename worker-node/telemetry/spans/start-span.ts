import {
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
import { type Sampler, SamplingDecision } from '@opentelemetry/sdk-trace';
import { tracer } from '../tracer.ts';
import { type LightSource, LightSpan, type LightStart } from './light-span.ts';
import { hrTimeOf, isUsual, type Moment } from './moment.ts';
import type { SpanShape } from './span-shape.ts';

const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;
const NO_LINKS: readonly Link[] = [];
const NO_ATTRIBUTES = {};

/** What makes light spans. */
interface LightSpans extends LightSource {
  readonly sampler: Sampler;
}

let light: LightSpans | undefined;
/** What the sampler took last: a job has more than one span below the same one. */
let taken: SpanContext | undefined;

/**
 * From now on {@link startSpan} makes light spans where it can. Only for a process whose spans go to one processor, and whose limits
 * leave the spans of a job as they are.
 * @param spans undefined: no longer
 */
export function useLightSpans(spans: LightSpans | undefined): void {
  light = spans;
  taken = undefined;
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

/** A span that is over. */
interface Whole extends Start {
  readonly startTime: number;
  readonly ended: Moment;
}

/** Records a span of the worker itself that nobody saw before its end. */
export function recordSpan(shape: SpanShape, whole: Whole): void {
  const { own, links = NO_LINKS, startTime, parent = context.active(), ended } = whole;
  const isInOrder = isUsual(ended.ms) && ended.ms >= startTime;
  const start = isInOrder ? lightStart(shape, { own, links, startTime, parent }) : undefined;
  if (light === undefined || start === undefined) startFull(shape, whole).end(hrTimeOf(ended));
  else light.take({ start, startMs: startTime, spanId: light.ids.generateSpanId() }, ended);
}

/** @returns undefined if only the SDK can make the span */
function startLight(
  shape: SpanShape,
  { own, links = NO_LINKS, startTime, parent = context.active() }: Start,
): Span | undefined {
  const start = lightStart(shape, { own, links, startTime, parent });
  return light === undefined || start === undefined ? undefined : new LightSpan(light, start);
}

/** @returns undefined if only the SDK can make the span */
function lightStart(
  shape: SpanShape,
  { own, links, startTime, parent }: Omit<LightStart, 'shape' | 'parentSpan'>,
): LightStart | undefined {
  if (light === undefined || (startTime !== undefined && !isUsual(startTime))) return undefined;
  const parentOne = trace.getSpan(parent);
  if (parentOne === undefined || isTracingSuppressed(parent)) return undefined;
  const parentSpan = parentOne.spanContext();
  // No sampler of ours records a span without those below it.
  if (!(parentOne instanceof LightSpan) && parentSpan !== taken) {
    if (!isPlain(parentSpan) || !isSampled(light.sampler, shape, parent, parentSpan)) return undefined;
    taken = parentSpan;
  }
  return { shape, parent, parentSpan, links, own, startTime };
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

function startFull(shape: SpanShape, { own, parent, links, startTime }: Start) {
  const options = {
    kind: shape.kind,
    attributes: shape.attributesWith(own),
    ...(links === undefined ? {} : { links: [...links] }),
    ...(startTime === undefined ? {} : { startTime }),
  };
  return tracer.startSpan(shape.name, options, parent);
}
