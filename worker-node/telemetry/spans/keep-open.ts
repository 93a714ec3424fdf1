import { diag, type Span } from '@opentelemetry/api';

/**
 * Keeps a span open until its owner ends it. Code that finds it as the active span may take it for its own and end it, and then what
 * the owner says at the end would be lost.
 * @returns ends the span
 */
export function keepOpen(span: Span): () => void {
  if (!span.isRecording()) return () => span.end();
  const end = span.end.bind(span);
  span.end = () => diag.warn('the span of an attempt ends with the attempt; end() is ignored');
  return end;
}
