import type { Command } from 'commander';
import { ApiError } from '../../client/errors.ts';
import { pollDelays } from '../../client/patience.ts';
import type { Job } from '../../shared/job/job.ts';
import { isTraceId } from '../../shared/job/redrive.ts';
import { pause } from '../../shared/timers.ts';
import { renderWaterfall } from '../../shared/trace/waterfall.ts';
import { jobId } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import type { ConfigFlags } from '../config.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { storeOf } from '../trace/stores/open-store.ts';
import { NO_TRACE, partNotes, type StoredTrace, type TraceStore } from '../trace/stores/trace-store.ts';
import { TRACES_URL_HELP } from '../trace/stores/traces-url.ts';
import { attemptGaps, traceGaps } from '../trace/trace-gaps.ts';

/** Spans are sent in batches, so the last ones may arrive a few seconds after the job's end. */
const SPANS_WAIT_MS = 5_000;

/** A trace, and its job if there is one. Errors and log lines name traces without a job. */
interface Wanted {
  readonly traceId: string;
  readonly job?: Job;
}

/** `trace <id>`. */
export function defineTrace(program: Command, host: Host): Command {
  return program
    .command('trace')
    .description('Shows the trace of a job as a waterfall, and says which spans are missing.')
    .argument('<id>', 'that of a job, which submit printed, or that of a trace', jobId)
    .option('--traces-url <url>', TRACES_URL_HELP)
    .addHelpText(
      'after',
      examples(
        [
          'throughline trace 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11',
          'show who did what, when, and for how long',
        ],
        [
          'throughline trace 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --json | jq .missing',
          'print the missing spans; null means that the trace is complete',
        ],
      ),
    )
    .action(
      async (id: string, _flags: ConfigFlags, command: Command) =>
        await host.run(command, (scope) => showTrace(id, scope)),
    );
}

async function showTrace(id: string, scope: Scope): Promise<number> {
  const { output, config } = scope;
  const store = storeOf(config);
  const wanted = await wantedBy(id, scope);
  const found = await foundIn(store, wanted, scope);
  const { spans } = found;
  const missing = [...gapsOf(spans, wanted), ...partNotes(store, found)];
  if (output.json) {
    output.document({ traceId: wanted.traceId, spans, ...(missing.length === 0 ? {} : { missing }) });
  } else {
    const { color, columns } = output;
    output.text(renderWaterfall(spans, { color, ...(columns === undefined ? {} : { width: columns }) }));
    for (const gap of missing) output.warn(gap);
  }
  return EXIT.ok.code;
}

/** @throws ApiError when there is no such job, and the id is none of a trace */
async function wantedBy(id: string, { api }: Scope): Promise<Wanted> {
  try {
    const job = await api.get(id);
    return { traceId: job.traceId, job };
  } catch (thrown) {
    // A producer may choose an id that looks like that of a trace, so a job comes first.
    if (isTraceId(id) && thrown instanceof ApiError && thrown.code === 'job-unknown') return { traceId: id };
    throw thrown;
  }
}

/** @throws CliError `spans-missing` when no span of the job's trace has arrived in time */
async function foundIn(store: TraceStore, wanted: Wanted, scope: Scope): Promise<StoredTrace> {
  const { traceId } = wanted;
  if (!isTraceId(traceId)) throw new CliError('spans-missing', 'this job has no trace id');
  const found = await completeTrace(wanted, store, scope);
  if (found.spans.length > 0) return found;
  throw new CliError('spans-missing', `no span of trace ${traceId} has arrived at ${store.name}`, {
    hint: 'do the edge and the worker send their spans there? See OTEL_EXPORTER_OTLP_ENDPOINT',
    traceId,
  });
}

/** The spans of the job's trace. Waits up to 5 s for the missing ones, then returns what has arrived. */
async function completeTrace(
  wanted: Wanted,
  store: TraceStore,
  { output, signal }: Scope,
): Promise<StoredTrace> {
  const deadline = performance.now() + SPANS_WAIT_MS;
  const status = await output.statusLine();
  try {
    for (const delayMs of pollDelays()) {
      const found = await store.read(wanted.traceId, signal);
      if (found.spans.length > 0 && gapsOf(found.spans, wanted).length === 0) return found;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return found;
      status.show('waiting for spans');
      await pause(Math.min(delayMs, leftMs), signal);
    }
    return NO_TRACE;
  } finally {
    status.clear();
  }
}

function gapsOf(spans: StoredTrace['spans'], { job }: Wanted): string[] {
  return [...traceGaps(spans, job), ...attemptGaps(spans, job)];
}
