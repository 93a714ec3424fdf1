/**
 * Why there is no answer of the API: it cannot be reached, it is too slow, what answers is no Throughline API, or one
 * without event streams.
 */
export type NoAnswerCode = 'unreachable' | 'timeout' | 'answer-invalid' | 'no-stream';

/** No answer came that can be read, so nobody knows whether the request had an effect. */
export class NoAnswerError extends Error {
  readonly code: NoAnswerCode;

  constructor(code: NoAnswerCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'NoAnswerError';
    this.code = code;
  }
}
