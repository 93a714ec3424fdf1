import {
  type Attributes,
  context,
  propagation,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { tracerOf } from '../../shared/trace/tracer.ts';
import { reportOf } from './thrown.ts';

/** The name under which the spans of operations are recorded. */
const SCOPE = 'throughline-operation';

/** The span that is active here: in an operation, that of the attempt, or one inside it. */
export function getActiveSpan(): Span | undefined {
  return trace.getActiveSpan();
}

/** Starts a span below the active one. Call its `end()`. It does not become active: see {@link withSpan}. */
export function startSpan(name: string, options: SpanOptions = {}): Span {
  return tracerOf(SCOPE).startSpan(name, options);
}

/**
 * Runs work in a span below the active one, and ends the span after it. What the work calls becomes a part of it. An error of
 * the work marks the span as failed.
 * @returns what the work returns
 * @throws what the work throws
 * @example
 * const rows = await withSpan('load rows', (span) => loadRows(span), { 'rows.kind': 'order' });
 */
export async function withSpan<Result>(
  name: string,
  work: (span: Span) => Result | Promise<Result>,
  attributes: Attributes = {},
): Promise<Result> {
  return await tracerOf(SCOPE).startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span);
    } catch (thrown) {
      const { type, summary, text } = reportOf(thrown);
      span.recordException({ name: type, message: summary, stack: text });
      span.setStatus({ code: SpanStatusCode.ERROR, message: summary });
      throw thrown;
    } finally {
      span.end();
    }
  });
}

/** The value that an entry of the active baggage has. It comes from the caller of the job. */
export function getBaggage(name: string): string | undefined {
  return propagation.getActiveBaggage()?.getEntry(name)?.value;
}

/**
 * Runs work with more entries in the active baggage. Requests that the work makes carry them, to the origins that
 * `BAGGAGE_ALLOW` names.
 * @returns what the work returns
 */
export function withBaggage<Result>(entries: Readonly<Record<string, string>>, work: () => Result): Result {
  const active = propagation.getActiveBaggage() ?? propagation.createBaggage();
  const baggage = Object.entries(entries).reduce(
    (all, [name, value]) => all.setEntry(name, { value }),
    active,
  );
  return context.with(propagation.setBaggage(context.active(), baggage), work);
}
