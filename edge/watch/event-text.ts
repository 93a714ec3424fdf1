import type { HistoryEvent } from '../../shared/job/event-record.ts';

/** First words of a stream: what a client waits before it connects again, in milliseconds. */
export const STREAM_OPENING = 'retry: 1000\n\n';
/** A comment: keeps proxies from taking a quiet stream for a dead one, and tells a client that it is not. */
export const STREAM_HEARTBEAT = ':\n\n';

/** An event in `text/event-stream` (HTML standard, "Server-sent events"). JSON holds no line break of its own. */
export function eventText(event: HistoryEvent): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
