import * as z from 'zod';
import { NoAnswerError } from '../../client/errors.ts';
import { exchange } from '../../client/exchange.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { CliError } from '../cli-error.ts';
import { explainFailure } from '../fetch-failure.ts';

const TIMEOUT_MS = 5_000;

const Attributes = z.record(z.string(), z.unknown());

/** A span as a trace store must send it. */
const Span = z.object({
  service: z.string(),
  name: z.string(),
  kind: z.enum(['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']),
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().exactOptional(),
  startMs: z.number(),
  durationMs: z.number(),
  status: z.enum(['UNSET', 'OK', 'ERROR']),
  statusMessage: z.string().exactOptional(),
  attributes: Attributes,
  events: z.array(z.object({ name: z.string(), timeMs: z.number(), attributes: Attributes })),
  links: z.array(
    z.object({ traceId: z.string(), spanId: z.string(), attributes: Attributes.exactOptional() }),
  ),
}) satisfies z.ZodType<SpanRecord>;

const Trace = z.object({ traceId: z.string(), spans: z.array(Span) });

/**
 * Reads the spans of a trace that have arrived so far, with `GET <tracesUrl>/<traceId>`. Status 404 means none.
 * @throws CliError `traces-unreachable` or `answer-invalid`
 */
export async function readSpans(
  tracesUrl: string,
  traceId: string,
  signal: AbortSignal,
): Promise<SpanRecord[]> {
  const answer = await exchange({
    url: `${tracesUrl}/${encodeURIComponent(traceId)}`,
    headers: { accept: 'application/json' },
    timeoutMs: TIMEOUT_MS,
    signal,
    who: 'the trace store',
    explain: explainFailure,
  }).catch((thrown: unknown) => {
    throw thrown instanceof NoAnswerError ? unreachable(thrown) : thrown;
  });
  if (answer.status === 404) return [];
  try {
    if (answer.status === 200) return Trace.parse(JSON.parse(answer.text)).spans;
  } catch (cause) {
    throw notSpans(answer, cause);
  }
  throw notSpans(answer);
}

const HINT =
  'set --traces-url or THROUGHLINE_TRACES_URL; `throughline dev` prints the address of its own trace store';

function unreachable({ code, message, cause }: NoAnswerError): CliError {
  const hint = code === 'unreachable' ? HINT : undefined;
  return new CliError('traces-unreachable', message, { cause, hint });
}

function notSpans({ url, status }: { url: string; status: number }, cause?: unknown): CliError {
  const message = `${url} answered (HTTP status ${status}) with something that is not a trace`;
  return new CliError('answer-invalid', message, { cause, hint: HINT });
}
