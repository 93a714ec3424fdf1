import type { HistoryEvent } from '../../shared/api/answers/job-history.ts';

const encoder = new TextEncoder();

/** The events of one job as `text/event-stream`. Each is encoded once, for all readers, and lives as long as the event. */
export class EventTexts {
  readonly #texts = new WeakMap<HistoryEvent, Promise<Uint8Array>>();

  /** @param seal gives an event the id that callers see; it is the same for all readers of the job */
  of(event: HistoryEvent, seal: (event: HistoryEvent) => Promise<HistoryEvent>): Promise<Uint8Array> {
    const known = this.#texts.get(event);
    if (known !== undefined) return known;
    const text = seal(event).then((sealed) => encoder.encode(eventText(sealed)));
    this.#texts.set(event, text);
    return text;
  }
}

/** An event in `text/event-stream` (HTML standard, "Server-sent events"). JSON holds no line break of its own. */
function eventText(event: HistoryEvent): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
