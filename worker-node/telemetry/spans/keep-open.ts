import { diag, type Span } from '@opentelemetry/api';
import { END_IGNORED, LightSpan } from './light-span.ts';

/**
 * Keeps a span open until its owner ends it. Code that finds it as the active span may take it for its own and end it, and then what
 * the owner says at the end would be lost.
 * @returns ends the span
 */
export function keepOpen(span: Span): () => void {
  if (span instanceof LightSpan) {
    // Each job has such a span. A method that replaces `end` would cost a third of what all spans of the job do.
    span.isKeptOpen = true;
    return () => {
      span.isKeptOpen = false;
      span.end();
    };
  }
  if (!span.isRecording()) return () => span.end();
  const end = span.end.bind(span);
  span.end = () => diag.warn(END_IGNORED);
  return end;
}
