/** What is likely broken at a hop, in sentences. */
import { EDGE_LOST_SPANS_TOTAL } from '../../../shared/trace/lost-spans.ts';
import { ATTR, SERVICE } from '../../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import type { Fault, Hop } from '../report.ts';
import type { SentJob } from '../send/send-canary.ts';
import type { Evidence } from './evidence.ts';
import { spansOf } from './span-roles.ts';

/** What a service says about a `traceparent` that it read. */
const ARRIVED: Readonly<Record<string, string>> = {
  absent: 'no `traceparent` arrived there: something on the way drops the header, or renames it',
  continued: 'a `traceparent` of another trace arrived there: something on the way replaces it',
};

const HTTP_WAY = 'a proxy, a gateway or a firewall before the edge';
const SEE_LOST_SPANS = `look at ${EDGE_LOST_SPANS_TOTAL} of the edge`;
/** Why a span of the bridge is missing in a trace that went on. */
export const BRIDGE_LOST_IT = `the bridge lost it: ${SEE_LOST_SPANS}`;
const NATS_WAY = 'a gateway of NATS, a bridge between servers, or a mapping of subjects';

/** How a service read its `traceparent`, as a sentence. */
function reading(span: SpanRecord, way: string): string {
  const outcome = String(span.attributes[ATTR.traceOutcome] ?? '');
  const reason = span.attributes[ATTR.traceReason];
  if (outcome === 'invalid') {
    const twice = reason === 'repeated' ? ' Two propagators may write it: one of them must go.' : '';
    return `the \`traceparent\` that arrived there was not valid (${String(reason)}).${twice} Look at ${way}`;
  }
  const known = ARRIVED[outcome];
  if (known !== undefined) return `${known}. Look at ${way}`;
  return 'it does not say how it read `traceparent`: is it a worker of another kind, without a propagator?';
}

/** No span of the request is in the caller's trace. */
export function lostAtEdge(evidence: Evidence): Fault {
  const { own, sent } = evidence;
  const nothing = own.spans.length === 0;
  const found = nothing
    ? `the trace ${sent.caller.traceId} is not in the trace store: it has no span of it`
    : "the edge's span of the request is missing in the trace";
  const [sentJob] = sent.jobs;
  const isKept = sentJob === undefined || wasIn(sentJob.job, sent.caller.traceId);
  const cause = isKept ? unsent(sentJob, nothing) : otherTrace(evidence, sentJob.job);
  return { hop: 'caller → edge', found, cause };
}

/** Whether a job is in a trace, or was before a redrive. */
function wasIn({ traceId, previousTraceIds = [] }: SentJob['job'], id: string): boolean {
  return traceId === id || previousTraceIds.includes(id);
}

/** Why the edge gave a job another trace than that of its caller. */
function otherTrace({ elsewhere, sent }: Evidence, job: SentJob['job']): string {
  const request = elsewhere.find(
    ({ kind, service, traceId }) => kind === 'SERVER' && service === SERVICE.edge && traceId === job.traceId,
  );
  if (request === undefined)
    return `the edge gave the job another trace, ${job.traceId}, and the store has no span of the request there either: \`traceparent\` did not arrive, or the edge does not trust this key (TRACE_TRUST), and its spans do not reach this store`;
  const started = `the edge started another trace, ${job.traceId}: `;
  if (request.links.some(({ traceId }) => traceId === sent.caller.traceId))
    return `${started}it does not trust this caller, and links to its trace instead (TRACE_TRUST)`;
  const isReplaced = request.attributes[ATTR.traceOutcome] === 'continued';
  const cloudflare = isReplaced ? ". Cloudflare's tracing of a zone does that (`propagation_policy`)" : '';
  return started + reading(request, HTTP_WAY) + cloudflare;
}

/** Why spans of the edge are not there, although the context went on. */
function unsent(sentJob: SentJob | undefined, nothing: boolean): string {
  if (nothing && sentJob?.arrived?.sampled === false)
    return 'the job kept its trace and ran unsampled: the edge, or something before it, changed the flags of `traceparent`. Look at OTEL_TRACES_SAMPLER and TRACE_FORCED_PER_MINUTE of the edge';
  const who = nothing ? 'the edge and the worker do' : 'the edge does';
  return `the job kept its trace, so the context arrived, but ${who} not send spans to this store: look at OTEL_EXPORTER_OTLP_ENDPOINT, and ${SEE_LOST_SPANS}`;
}

/** The request continues the caller's trace below a span that is not the caller's. */
export function rewrittenParent({ sent }: Evidence, request: SpanRecord): Fault {
  return {
    hop: 'caller → edge',
    found: `the edge continues the caller's trace, but below span ${request.parentSpanId ?? 'none'}, and not below the caller's span ${sent.caller.spanId}`,
    cause: `the context is not lost: something between them put a span of its own into \`traceparent\`, and that span is not in this store. It may be ${HTTP_WAY}, or Cloudflare's tracing of the zone (\`propagation_policy\`): send its spans here too, or let it pass \`traceparent\` on as it is`,
  };
}

/** No span of the publish is in the trace. */
export function lostInBridge({ own, elsewhere }: Evidence, { job }: SentJob): Fault {
  const hop = 'edge → bridge';
  const found = `the bridge's span of the publish of job ${job.id} is missing in the trace`;
  if (spansOf(elsewhere, 'send', job.id).length > 0) {
    return {
      hop,
      found,
      cause: 'it is in another trace: the call from the edge to the bridge lost the context',
    };
  }
  const hasAttempt = spansOf(own.spans, 'process', job.id).length > 0;
  const cause = hasAttempt
    ? `the worker continues the trace, so the context went through, and only the span was lost: ${SEE_LOST_SPANS}`
    : `the bridge sends no spans: it exports with the settings of the edge, so look at OTEL_EXPORTER_OTLP_ENDPOINT there, and ${SEE_LOST_SPANS}`;
  return { hop, found, cause };
}

/** A chain of parents that ends at a span whose parent is missing. */
export function brokenChain(hop: Hop, top: SpanRecord): Fault {
  const parent = top.parentSpanId;
  return {
    hop,
    found:
      parent === undefined
        ? `the span "${top.name}" of ${top.service} has no parent`
        : `the parent ${parent} of the span "${top.name}" of ${top.service} is missing`,
    cause:
      'that span was lost, or the call lost its context: look for lost spans of the service that made it',
  };
}

/** The span of an attempt is not in the trace. */
export function lostAtWorker(evidence: Evidence, sentJob: SentJob, number: number): Fault {
  const { sent, elsewhere } = evidence;
  const { job, arrived } = sentJob;
  const hop = 'bridge → worker';
  const found = `the worker's span of attempt ${number} of job ${job.id} is missing in the trace`;
  const attempt = spansOf(elsewhere, 'process', job.id)[0];
  if (attempt !== undefined) return { hop, found, cause: strayCause(evidence, attempt, job) };
  if (arrived?.traceId === sent.caller.traceId) {
    const cause = arrived.sampled
      ? "the operation ran in this trace, so the context arrived, and only the span is missing: the worker's exporter is off, or cannot reach this store. Look at OTEL_EXPORTER_OTLP_ENDPOINT of the worker and at its log"
      : "the trace arrived at the worker as not sampled: the flags of `traceparent` were changed after the bridge, or the worker's sampler does not follow the parent (OTEL_TRACES_SAMPLER)";
    return { hop, found, cause };
  }
  const cause = `the operation ran in another trace, ${arrived?.traceId ?? 'unknown'}, which this store does not have: the message lost its \`traceparent\` on the way, or the worker does not read it. Look at ${NATS_WAY}`;
  return { hop, found, cause };
}

/** Why an attempt is in another trace. */
function strayCause({ elsewhere, sent }: Evidence, attempt: SpanRecord, job: SentJob['job']): string {
  const parent = elsewhere.find(({ spanId }) => spanId === attempt.parentSpanId);
  const otherJob = parent?.attributes[ATTR.jobId];
  const where = `the attempt is in another trace, ${attempt.traceId}`;
  if (otherJob !== undefined && otherJob !== job.id)
    return `${where}, below the span that sent job ${String(otherJob)}: the contexts of messages of one batch are mixed up`;
  if (sent.wasInOutbox)
    return `${where}: the job was in the outbox, and its context was not stored or not sent from there. At the worker, ${reading(attempt, NATS_WAY)}`;
  return `${where}: ${reading(attempt, NATS_WAY)}`;
}

/** An attempt is in the trace, but not a child of the span that sent its job. */
export function otherParent({ own }: Evidence, attempt: SpanRecord, send: SpanRecord): Fault {
  const hop = 'bridge → worker';
  const parent = own.spans.find(({ spanId }) => spanId === attempt.parentSpanId);
  const found = `the attempt's parent is ${attempt.parentSpanId ?? 'none'}, and not the span ${send.spanId} that sent the job`;
  if (parent === undefined) {
    const cause = `that span is not in this store: something between the bridge and the worker writes its own span into \`traceparent\`, such as a second propagator. Look at ${NATS_WAY}`;
    return { hop, found, cause };
  }
  const otherJob = parent.attributes[ATTR.jobId];
  if (otherJob !== undefined && otherJob !== send.attributes[ATTR.jobId]) {
    return {
      hop,
      found,
      cause: `it is the span that sent job ${String(otherJob)}: the contexts of messages of one batch are mixed up`,
    };
  }
  return {
    hop,
    found,
    cause: `it is "${parent.name}" of ${parent.service}: the message carries another span's context, so two propagators may write it`,
  };
}
