import { pause } from '../../../shared/timers.ts';
import type { OtlpTarget } from '../../../shared/trace/settings/otlp-settings.ts';
import { postOtlp, zipped } from './post-otlp.ts';
import type { SendSpans } from './span-processor.ts';
import { traceJson } from './trace-json.ts';

const MAX_TRIES = 3;
/** The pauses before the second and the third try, unless the collector asks for another one. */
const BACKOFF_MS = [1_000, 3_000];
/** The longest pause that a collector may ask for. */
const MAX_PAUSE_MS = 60_000;

/** How spans are sent. */
export interface SendOptions {
  /** How many milliseconds an export may take with all its tries and pauses. */
  readonly totalMs: number;
  readonly wait?: (ms: number) => Promise<unknown>;
  readonly now?: () => number;
}

/**
 * Makes a function that sends spans as OTLP/HTTP JSON. Another try follows if the answer allows it, if the connection broke (a
 * collector may close an idle connection at the moment when spans are sent), or if no answer came in time (an isolate under load may
 * read an answer late). Spans that arrive twice have the same ids, so trace stores keep one of them. A collector that asks for a
 * pause (`Retry-After`) gets it: before the next try if there is time, otherwise before the next export.
 */
export function otlpSender(
  target: OtlpTarget,
  { totalMs, wait = pause, now = Date.now }: SendOptions,
): SendSpans {
  return async (spans) => {
    const parts = traceJson(spans);
    const body = target.gzip ? await zipped(parts) : new Blob(parts);
    const endAt = now() + totalMs;
    for (let tries = 1; ; tries++) {
      const timeoutMs = Math.min(target.timeoutMs, Math.max(1, endAt - now()));
      const answer = await postOtlp({ ...target, timeoutMs }, body, now);
      if (answer.taken) {
        const reason = answer.reason === undefined ? {} : { reason: answer.reason };
        return { lost: Math.min(answer.rejected, spans.length), why: 'rejected', ...reason };
      }
      const { reason, retryable, waitMs } = answer;
      const pauseMs = waitMs || (BACKOFF_MS[tries - 1] ?? 0);
      if (!retryable || tries === MAX_TRIES || now() + pauseMs >= endAt)
        return { lost: spans.length, reason, pauseMs: Math.min(waitMs ?? 0, MAX_PAUSE_MS) };
      await wait(pauseMs);
    }
  };
}
