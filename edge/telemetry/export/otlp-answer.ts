import { retryAfterMs } from '../../../shared/text/retry-after.ts';

/** The statuses after which an OTLP/HTTP client may try again (OTLP specification, "Retryable Response Codes"). */
const RETRYABLE = [429, 502, 503, 504];
/** The part of an answer that is read. */
const MAX_CHARACTERS = 16_384;
const MAX_REASON = 200;

/** What a collector answered. */
export type OtlpAnswer =
  | { readonly taken: true; readonly rejected: number; readonly reason?: string }
  | {
      readonly taken: false;
      readonly reason: string;
      readonly retryable: boolean;
      /** How long the collector asks to wait (`Retry-After`). */
      readonly waitMs?: number;
    };

/**
 * Reads the answer to an export. An export that was taken may have spans that were not (OTLP specification, "Partial
 * Success").
 * @param now epoch milliseconds
 */
export async function readAnswer(response: Response, now: number): Promise<OtlpAnswer> {
  // A body that is not read keeps its connection open, and workerd allows six at a time.
  const text = await textOf(response.body).catch(() => '');
  if (response.ok) return { taken: true, ...partialSuccessOf(text) };
  const waitMs = retryAfterMs(response.headers.get('retry-after'), now);
  return {
    taken: false,
    reason: `status ${response.status}`,
    retryable: RETRYABLE.includes(response.status),
    ...(waitMs === undefined ? {} : { waitMs }),
  };
}

async function textOf(body: ReadableStream<Uint8Array> | null): Promise<string> {
  if (body === null) return '';
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (text.length < MAX_CHARACTERS) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}

/** In JSON, a 64-bit number is a text. The JSON itself cannot be read if it is longer than what is read of an answer. */
const REJECTED = /"rejected(?:Spans|DataPoints)"\s*:\s*"?(\d+)/;
const MESSAGE = /"errorMessage"\s*:\s*"((?:[^"\\]|\\.)*)/;

function partialSuccessOf(text: string): { readonly rejected: number; readonly reason?: string } {
  const rejected = Number(REJECTED.exec(text)?.[1] ?? 0);
  if (rejected === 0) return { rejected };
  const message = MESSAGE.exec(text)?.[1] ?? 'no reason given';
  return { rejected, reason: `rejected: ${message.slice(0, MAX_REASON)}` };
}
