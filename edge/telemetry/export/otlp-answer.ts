import { retryAfterMs } from '../../../shared/text/retry-after.ts';
import {
  type ExportAnswer,
  MAX_ANSWER,
  RETRYABLE,
  readExportAnswer,
} from '../../../shared/trace/otlp/export-answer.ts';

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
 * @throws the error that broke the connection, if an answer of 2xx is not whole: nobody knows what the collector took
 */
export async function readAnswer(response: Response, now: number): Promise<OtlpAnswer> {
  // A body that is not read keeps its connection open, and workerd allows six at a time.
  const reading = textOf(response.body);
  if (response.ok)
    return okAnswer(readExportAnswer(await reading, response.headers.get('content-type') ?? ''));
  await reading.catch(() => '');
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
  while (text.length < MAX_ANSWER) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}

function okAnswer(answer: ExportAnswer): OtlpAnswer {
  if (!answer.taken) return { ...answer, retryable: false };
  const { rejected, reason } = answer;
  return {
    taken: true,
    rejected,
    ...(reason === undefined ? {} : { reason: `${rejected > 0 ? 'rejected' : 'warning'}: ${reason}` }),
  };
}
