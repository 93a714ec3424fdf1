import * as z from 'zod';

/** The ends of a job that a callback may be sent for. */
export const CALLBACK_ENDS = ['succeeded', 'failed', 'cancelled'] as const;
export type CallbackEnd = (typeof CALLBACK_ENDS)[number];

/** As a header value it must be visible ASCII. */
const URL_TEXT = /^https?:\/\/[\x21-\x7e]{1,2040}$/i;

/** Whether a callback may go to `text`: an absolute http or https URL without user name, password and fragment. */
export function isCallbackUrl(text: string): boolean {
  if (!URL_TEXT.test(text) || text.includes('#')) return false;
  const url = URL.parse(text);
  return url !== null && url.username === '' && url.password === '';
}

/** Whether `word` is one of {@link CALLBACK_ENDS}. */
export function isCallbackEnd(word: string): word is CallbackEnd {
  return CALLBACK_ENDS.some((end) => end === word);
}

/** A POST that a job asks for at its end. */
export const Callback = z.object({
  url: z.string().refine(isCallbackUrl),
  /** The ends that it is sent for. */
  events: z.array(z.enum(CALLBACK_ENDS)).readonly(),
});
export type Callback = z.infer<typeof Callback>;
