import { HEADER, type SetHeader } from './headers.ts';

const JSON_MEDIA_TYPE = 'application/json';
/** The type of an event's CloudEvent is this prefix and the kind of the event. */
export const EVENT_TYPE_PREFIX = 'dev.throughline.job.';

/** The attributes of a CloudEvent with a JSON body. */
export function writeCloudEvent(
  set: SetHeader,
  event: { id: string; source: string; type: string; time: string },
): void {
  set(HEADER.ceSpecVersion, '1.0');
  set(HEADER.ceId, event.id);
  set(HEADER.ceSource, event.source);
  set(HEADER.ceType, event.type);
  set(HEADER.ceTime, event.time);
  set(HEADER.contentType, JSON_MEDIA_TYPE);
}
