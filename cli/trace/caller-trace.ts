import {
  type Attributes,
  type Context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { ApiError } from '../../client/errors.ts';
import { valueWithin } from '../../shared/deadline.ts';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import {
  type Carrier,
  type Extraction,
  extract,
  fromEnvironment,
  inject,
} from '../../shared/propagation/index.ts';
import { ATTR, SERVICE } from '../../shared/trace/semantics.ts';
import { startTracing, type Tracing } from '../../worker-node/telemetry/tracing.ts';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../config.ts';
import { type BaggagePair, withBaggage } from './baggage.ts';

/** A collector that is down must not keep the user waiting for longer. */
const FLUSH_MS = 3_000;

interface CallerTraceOptions {
  readonly environment: Environment;
  /** Whether to print spans on stderr. */
  readonly debug: boolean;
  readonly baggage: readonly BaggagePair[];
  /** Gets a sentence about each fault that does not stop the job. */
  readonly warn: (sentence: string) => void;
}

interface CallerTraceParts {
  readonly tracing: Tracing | undefined;
  readonly extraction: Extraction;
  readonly context: Context;
  readonly warn: CallerTraceOptions['warn'];
  /** Why the collector did not take a span; undefined: it took all until now. */
  readonly loss: () => string | undefined;
}

/** The caller's part of a job's trace: its first span or, if nothing is recorded, what the environment says of a trace. */
export class CallerTrace {
  readonly #tracing: Tracing | undefined;
  readonly #extraction: Extraction;
  readonly #context: Context;
  readonly #warn: CallerTraceOptions['warn'];
  readonly #loss: () => string | undefined;

  private constructor({ tracing, extraction, context, warn, loss }: CallerTraceParts) {
    this.#tracing = tracing;
    this.#extraction = extraction;
    this.#context = context;
    this.#warn = warn;
    this.#loss = loss;
  }

  /**
   * Continues the trace in the environment (`TRACEPARENT`, `TRACESTATE` and `BAGGAGE`, as CI systems set them). If that
   * is not valid, a trace starts here or, if nothing is recorded here, at the edge. Spans are recorded only for a
   * collector or for `debug`.
   * @throws CliError `usage-invalid` when the baggage does not fit into its header
   */
  static async start({ environment, debug, baggage, warn }: CallerTraceOptions): Promise<CallerTrace> {
    const extraction = extract(fromEnvironment(environment), ROOT_CONTEXT);
    for (const sentence of losses(extraction)) warn(sentence);
    const context = withBaggage(extraction.context, baggage);
    let loss: string | undefined;
    const tracing = await startTracing({
      serviceName: SERVICE.cli,
      environment,
      debug,
      autoInstrument: false,
      isBrief: true,
      getsBaggage: () => true,
      warn,
      sayLoss: (_signal, counts, cause) => {
        if (counts === undefined) warn(cause);
        else loss = cause;
      },
    }).catch((thrown: unknown) => {
      warn(`tracing is off: ${describeThrown(thrown)}`);
      return undefined;
    });
    return new CallerTrace({ tracing, extraction, context, warn, loss: () => loss });
  }

  /** Whether spans are recorded. */
  get isRecorded(): boolean {
    return this.#tracing?.on === true;
  }

  /** Runs `work` in a span. It gets the headers to send, and the span to add attributes to. */
  async run<T>(name: string, attributes: Attributes, work: TracedWork<T>): Promise<T> {
    return await runIn(this.#begin(name, attributes), work);
  }

  /** Runs `work` in the first span of a new trace, whatever trace the environment names. */
  async runAsRoot<T>(
    name: string,
    attributes: Attributes,
    pairs: readonly BaggagePair[],
    work: TracedWork<T>,
  ): Promise<T> {
    const base = withBaggage(ROOT_CONTEXT, pairs);
    const own = { ...attributes, [ATTR.traceOutcome]: 'absent' };
    const options = { kind: SpanKind.CLIENT, attributes: own, root: true };
    const span = trace.getTracer(SERVICE.cli).startSpan(name, options, base);
    return await runIn(trace.setSpan(base, span), work);
  }

  #begin(name: string, attributes: Attributes): Context {
    const { outcome, reason } = this.#extraction;
    // A new trace that is not recorded here would not be recorded at the edge either, since its flags say so.
    if (!this.isRecorded) return this.#context;
    const span = trace.getTracer(SERVICE.cli).startSpan(
      name,
      {
        kind: SpanKind.CLIENT,
        attributes: {
          ...attributes,
          [ATTR.traceOutcome]: outcome,
          ...(reason === undefined ? {} : { [ATTR.traceReason]: reason }),
        },
      },
      this.#context,
    );
    return trace.setSpan(this.#context, span);
  }

  /** Sends the spans, for at most 3 s. It is no error if the collector fails; the user is warned. */
  async flush(limitMs = FLUSH_MS): Promise<void> {
    if (this.#tracing === undefined) return;
    const isDone = await valueWithin(
      this.#tracing.shutdown().then(() => true),
      limitMs,
    );
    const loss = isDone ? this.#loss() : `it has not answered within ${limitMs / 1_000} s`;
    if (loss === undefined) return;
    this.#warn(`the collector did not take the spans of this command, so its trace lacks them: ${loss}`);
  }
}

/** Gets the headers to send, and the span to add attributes to. */
type TracedWork<T> = (carrier: Carrier, span: Span) => Promise<T>;

async function runIn<T>(context: Context, work: TracedWork<T>): Promise<T> {
  // If nothing is recorded, this span only holds the ids that are sent.
  const span = trace.getSpan(context) ?? trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
  try {
    return await work(inject(context), span);
  } catch (thrown) {
    describeFailure(span, thrown);
    throw thrown instanceof CliError ? thrown.inTrace(traceIdOf(span)) : thrown;
  } finally {
    span.end();
  }
}

function traceIdOf(span: Span): string | undefined {
  const spanContext = span.spanContext();
  return isSpanContextValid(spanContext) ? spanContext.traceId : undefined;
}

function describeFailure(span: Span, thrown: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: describeThrown(thrown) });
  const code = thrown instanceof CliError || thrown instanceof ThroughlineError ? thrown.code : 'internal';
  span.setAttribute(ATTR.errorType, code);
  if (thrown instanceof ApiError) span.setAttribute(ATTR.httpStatus, thrown.httpStatus);
}

/** A sentence for each part of the environment's trace that cannot be continued. */
function losses({ reason, dropped }: Extraction): string[] {
  return [
    ...(reason === undefined ? [] : [`TRACEPARENT is ignored (${reason}); the job starts a new trace`]),
    ...(dropped.tracestate === undefined ? [] : [`part of TRACESTATE is left out (${dropped.tracestate})`]),
    ...(dropped.baggage === undefined ? [] : [`part of BAGGAGE is left out (${dropped.baggage})`]),
  ];
}
