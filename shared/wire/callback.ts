/**
 * What a job may ask for at its end: a POST to a URL. It travels in the headers of the job's message, so that the dead
 * letter and a redriven job keep it.
 */
import type { HeaderValues } from './headers.ts';

/** The ends of a job that a callback may tell of. */
export const CALLBACK_ENDS = ['succeeded', 'failed', 'cancelled'] as const;
export type CallbackEnd = (typeof CALLBACK_ENDS)[number];

export interface Callback {
  readonly url: string;
  /** Which ends it is for. */
  readonly events: readonly CallbackEnd[];
}

export const CALLBACK_HEADER = {
  url: 'throughline-callback-url',
  events: 'throughline-callback-events',
} as const;

/** As a header value it must be visible ASCII. */
const URL_TEXT = /^https?:\/\/[\x21-\x7e]{1,2040}$/i;

/** Whether a callback may go to `text`: an absolute http or https URL without user name, password and fragment. */
export function isCallbackUrl(text: string): boolean {
  if (!URL_TEXT.test(text) || text.includes('#')) return false;
  const url = URL.parse(text);
  return url !== null && url.username === '' && url.password === '';
}

/** Writes the headers that {@link readCallback} reads; all ends are what is meant where none is named. */
export function writeCallback({ url, events }: Callback, set: (name: string, value: string) => void): void {
  set(CALLBACK_HEADER.url, url);
  if (CALLBACK_ENDS.some((end) => !events.includes(end))) set(CALLBACK_HEADER.events, events.join(','));
}

/** The callback of a job message. What cannot be read counts as absent, see {@link asksForCallback}; never throws. */
export function readCallback(values: HeaderValues): Callback | undefined {
  const [url, ...more] = values(CALLBACK_HEADER.url);
  if (url === undefined || more.length > 0 || !isCallbackUrl(url)) return undefined;
  const [text] = values(CALLBACK_HEADER.events);
  const events = text === undefined ? [...CALLBACK_ENDS] : text.split(',').map((word) => word.trim());
  return events.every(isEnd) ? { url, events } : undefined;
}

/** Whether a message means to have a callback, readable or not. */
export function asksForCallback(values: HeaderValues): boolean {
  return values(CALLBACK_HEADER.url).length > 0;
}

function isEnd(word: string): word is CallbackEnd {
  return (CALLBACK_ENDS as readonly string[]).includes(word);
}
