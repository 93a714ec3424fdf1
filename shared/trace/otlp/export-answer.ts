/** What a collector says with status 200 about an export. */
export type ExportAnswer =
  /** The reason says why some were rejected. If none were, it is a warning. */
  | { readonly taken: true; readonly rejected: number; readonly reason?: string }
  | { readonly taken: false; readonly reason: string };

/** The statuses after which an OTLP/HTTP client may try again (OTLP specification, "Retryable Response Codes"). */
export const RETRYABLE = [429, 502, 503, 504];

/** How many characters of an answer are read. */
export const MAX_ANSWER = 16_384;
const MAX_REASON = 200;

/**
 * The number of rejected parts. A pattern reads it, because JSON that is longer than {@link MAX_ANSWER} cannot be parsed. A 64-bit
 * number may be a text in JSON. Collectors that use the field names of protobuf write snake case.
 */
const REJECTED = /"rejected_?(?:spans|data_?points|log_?records)"\s*:\s*"?(\d{1,15})"?\s*[,}]/i;
const MESSAGE = /"error_?message"\s*:\s*"((?:[^"\\]|\\.)*)/i;
const PAGE = /^\s*<(?:!doctype|!--|\?xml|html|head|body)/i;

/**
 * Reads the body of an answer with a status of 2xx. An export that was taken may have parts that were not (OTLP specification,
 * "Partial Success"), or warn of something. Collectors answer with JSON, with `{}`, or with nothing. A web page is the answer of another server.
 * @param text the body, or its beginning
 * @param contentType the header, if it is known
 */
export function readExportAnswer(text: string, contentType = ''): ExportAnswer {
  if (PAGE.test(text) || (/^text\/html/i.test(contentType) && text.trim() !== ''))
    return { taken: false, reason: 'the answer is a web page: the endpoint is not that of a collector' };
  const rejected = Number(REJECTED.exec(text)?.[1] ?? 0);
  const said = MESSAGE.exec(text)?.[1];
  const reason = rejected === 0 ? said : said || 'it does not say why';
  return { taken: true, rejected, ...(reason ? { reason: reason.slice(0, MAX_REASON) } : {}) };
}
