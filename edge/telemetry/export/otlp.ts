import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describeThrown } from '../../../shared/errors.ts';
import { pause, startTimeLimit } from '../../../shared/timers.ts';
import type { TracesTarget } from '../../../shared/trace/otel-settings.ts';
import type { SendSpans } from './span-processor.ts';

/** The statuses after which an OTLP/HTTP client may try again (OTLP specification, "Failures"). */
const RETRYABLE = [429, 502, 503, 504];
const RETRY_AFTER_MS = 1_000;
const TIMEOUT_MS = 10_000;

/**
 * Sends spans as OTLP/HTTP JSON. A second try follows if the answer allows it, if the connection broke (a collector may close an
 * idle connection at the moment when spans are sent), or if no answer came in time: an isolate under load may hear an answer
 * late. Spans that arrive twice have the same ids, so trace stores keep one of them.
 * @param timeoutMs how long one try may take
 */
export function otlpSender(target: TracesTarget, timeoutMs = TIMEOUT_MS): SendSpans {
  return async (spans) => {
    const body = JsonTraceSerializer.serializeRequest([...spans] as ReadableSpan[]);
    if (body === undefined) return { lost: spans.length };
    let failure = await post(target, body, timeoutMs);
    if (failure?.retryable) {
      await pause(RETRY_AFTER_MS);
      failure = await post(target, body, timeoutMs);
    }
    if (failure === undefined) return { lost: 0 };
    return { lost: spans.length, reason: failure.reason };
  };
}

async function post(
  { url, headers }: TracesTarget,
  body: Uint8Array,
  timeoutMs: number,
): Promise<{ readonly reason: string; readonly retryable: boolean } | undefined> {
  const limit = startTimeLimit(timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      signal: limit.signal,
    });
    // A body that is not read keeps its connection open, and workerd allows six at a time.
    await response.body?.cancel();
    if (response.ok) return undefined;
    return { reason: `status ${response.status}`, retryable: RETRYABLE.includes(response.status) };
  } catch (thrown) {
    // The address may hold a secret in its query.
    const reason = describeThrown(thrown).replaceAll(url, 'the endpoint');
    return { reason, retryable: true };
  } finally {
    limit.stop();
  }
}
