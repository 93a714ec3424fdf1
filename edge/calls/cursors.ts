import { SCHEDULE_NAME } from '../../shared/api/schedule-words.ts';
import { fromBase64Url, toBase64Url } from '../../shared/bytes.ts';
import { isToken } from '../../shared/job/job-address.ts';

/** A place in a list of jobs: after this job. */
export interface ListPlace {
  readonly acceptedAt: number;
  readonly id: string;
}

/** The place before the newest job. */
export const TOP: ListPlace = { acceptedAt: Number.MAX_SAFE_INTEGER, id: '' };

/** A place as opaque text for callers (base64url). */
export function writeCursor({ acceptedAt, id }: ListPlace): string {
  return toBase64Url(new TextEncoder().encode(`${acceptedAt}.${id}`));
}

/** Reads a cursor; undefined when {@link writeCursor} could not have made it. */
export function readCursor(cursor: string): ListPlace | undefined {
  const [, acceptedAt, id] = /^([0-9]{1,15})\.(.*)$/.exec(decode(cursor)) ?? [];
  if (acceptedAt === undefined || !isToken(id)) return undefined;
  const place = { acceptedAt: Number(acceptedAt), id };
  return writeCursor(place) === cursor ? place : undefined;
}

/** The place in a list of schedules after this name, as opaque text for callers (base64url). */
export function writeNameCursor(name: string): string {
  return toBase64Url(new TextEncoder().encode(`after:${name}`));
}

/** Reads a cursor; undefined when {@link writeNameCursor} could not have made it. */
export function readNameCursor(cursor: string): string | undefined {
  const name = decode(cursor).replace(/^after:/, '');
  return SCHEDULE_NAME.test(name) && writeNameCursor(name) === cursor ? name : undefined;
}

function decode(cursor: string): string {
  try {
    return new TextDecoder().decode(fromBase64Url(cursor));
  } catch {
    return '';
  }
}

/** The cursor of a redrive of many, as a bridge writes it: `<from>-<to>`. Callers get it sealed. */
const REDRIVE_CURSOR = /^([0-9]{1,15})-([0-9]{1,15})$/;

/** The sequences of the dead letters that the next request of a redrive of many looks at: the first and the last. */
interface RedriveCursor {
  readonly from: number;
  readonly to: number;
}

/** Reads the cursor of a redrive; undefined when the text is not one. */
export function parseRedriveCursor(text: string): RedriveCursor | undefined {
  const [, from, to] = REDRIVE_CURSOR.exec(text) ?? [];
  return from === undefined || to === undefined ? undefined : { from: Number(from), to: Number(to) };
}
