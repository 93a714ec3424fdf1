import { describeThrown } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import { EDGE_LOST_SPANS_TOTAL } from '../../shared/trace/lost-spans.ts';
import { type OtlpTarget, tracesTarget } from '../../shared/trace/settings/otlp-settings.ts';
import { readNodeOtelSettings } from '../../worker-node/telemetry/sdk-settings.ts';
import type { Environment } from '../config.ts';
import type { Scope } from '../host.ts';
import { ask, withoutQuery } from '../http/request.ts';
import { counted } from '../text/counted.ts';
import { openStore } from '../trace/stores/open-store.ts';
import { partNotes } from '../trace/stores/trace-store.ts';
import { lacksOnlyCaller, traceGaps } from '../trace/trace-gaps.ts';
import { type Cause, settingInvalid } from './cause.ts';

const TIMEOUT_MS = 5_000;

/**
 * Why there is no trace. Asks the edge how many spans it lost, the collector of this environment whether it takes spans, and
 * the trace store for the spans of the job.
 * @param job undefined: traces in general
 * @throws what Ctrl-C throws, and nothing else
 */
export async function traceCauses(scope: Scope, environment: Environment, job?: Job): Promise<Cause[]> {
  const found = await Promise.all([
    edgeLoss(scope),
    collectorFault(scope, environment),
    storeFault(scope, job),
  ]);
  scope.signal.throwIfAborted();
  return found.flat();
}

/** What the edge says about the spans that it did not export. Nothing, if the key may not ask. */
async function edgeLoss({ config, signal }: Scope): Promise<Cause[]> {
  const { url, apiKey, tracesUrl } = config;
  const headers: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const request = { url: `${url}/metrics`, headers, timeoutMs: TIMEOUT_MS, signal, who: 'the API' };
  const answer = await ask(request).catch(() => undefined);
  if (answer?.status !== 200) return [];
  const counts = new Map(
    [...answer.text.matchAll(new RegExp(`^${EDGE_LOST_SPANS_TOTAL}\\{reason="(\\w+)"\\} (\\d+)`, 'gm'))].map(
      ([, reason = '', count = '0']) => [reason, Number(count)],
    ),
  );
  // Someone who names a trace store expects traces.
  if (counts.size === 0) return tracesUrl === undefined ? [] : [tracingOff()];
  const evidence = [...counts]
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `the edge lost ${counted(count, 'span')}: ${reason}`);
  if (evidence.length === 0) return [];
  if ((counts.get('exportFailed') ?? 0) > 0)
    return [deadCollector('the edge cannot send its spans: its collector does not take them', evidence)];
  return [
    {
      code: 'spans-lost',
      cause: 'the edge drops spans, because there are more than it may keep',
      evidence,
      advice: 'record fewer traces (OTEL_TRACES_SAMPLER_ARG), or raise OTEL_BSP_MAX_QUEUE_SIZE of the edge',
    },
  ];
}

function tracingOff(): Cause {
  return {
    code: 'tracing-off',
    cause: 'the edge sends no spans: tracing is off',
    evidence: [`/metrics of the edge does not count ${EDGE_LOST_SPANS_TOTAL}`],
    advice: 'set OTEL_EXPORTER_OTLP_ENDPOINT of the edge and of the workers',
  };
}

function deadCollector(cause: string, evidence: readonly string[]): Cause {
  return {
    code: 'collector-dead',
    cause,
    evidence,
    advice:
      'check that the collector runs, that OTEL_EXPORTER_OTLP_ENDPOINT is its address for OTLP over HTTP (port 4318), and OTEL_EXPORTER_OTLP_HEADERS',
  };
}

/** Sends the collector of this environment a request without spans. Nothing, if the environment names none. */
async function collectorFault({ signal }: Scope, environment: Environment): Promise<Cause[]> {
  const { settings, warnings } = readNodeOtelSettings(environment);
  const target = tracesTarget(settings);
  const refusal = target === undefined ? undefined : await refusalOf(target, signal);
  return [
    ...(warnings.length === 0 ? [] : [settingInvalid(warnings)]),
    ...(refusal === undefined
      ? []
      : [deadCollector('the collector of this environment does not take spans', [refusal])]),
  ];
}

/** Why a collector does not take spans; undefined if it does. */
async function refusalOf({ url, headers }: OtlpTarget, signal: AbortSignal): Promise<string | undefined> {
  const request = {
    method: 'POST',
    url,
    headers: { ...headers, 'content-type': 'application/json' },
    body: '{"resourceSpans":[]}',
    timeoutMs: TIMEOUT_MS,
    signal,
  };
  try {
    const { status } = await ask({ ...request, who: 'the collector' });
    return status < 300 ? undefined : `${withoutQuery(url)} answered with HTTP status ${status}`;
  } catch (thrown) {
    return describeThrown(thrown);
  }
}

/** Looks for the spans of the job. Nothing, without a job or an address of the trace store. */
async function storeFault({ config, signal }: Scope, job: Job | undefined): Promise<Cause[]> {
  const { tracesUrl, tracesHeaders } = config;
  if (tracesUrl === undefined || job === undefined) return [];
  try {
    const store = openStore({ url: tracesUrl, headers: tracesHeaders });
    const found = await store.read(job.traceId, signal);
    const { spans } = found;
    if (spans.length === 0)
      return [
        missing('no span of the job has arrived at the trace store', [
          `trace ${job.traceId} at ${tracesUrl}`,
        ]),
      ];
    const gaps = traceGaps(spans, job);
    if (lacksOnlyCaller(spans, job)) return [callerMissing(gaps)];
    return gaps.length === 0
      ? []
      : [missing('some spans of the job are missing', [...gaps, ...partNotes(store, found)])];
  } catch (thrown) {
    return [
      {
        code: 'traces-unreachable',
        cause: 'the trace store does not answer',
        evidence: [describeThrown(thrown)],
        advice: 'check --traces-url or THROUGHLINE_TRACES_URL',
      },
    ];
  }
}

function callerMissing(evidence: readonly string[]): Cause {
  return {
    code: 'caller-span-missing',
    cause: 'the span of the caller is not in this trace store; all others are',
    evidence,
    advice: 'nothing, unless the caller should send its spans here too',
  };
}

function missing(cause: string, evidence: readonly string[]): Cause {
  return {
    code: 'spans-missing',
    cause,
    evidence,
    advice:
      'wait a few seconds, since spans are sent in batches. Then check OTEL_EXPORTER_OTLP_ENDPOINT and the sampler of the part that is missing: edge, bridge or worker',
  };
}
