import * as z from 'zod';
import { END_STATES } from './job-state.ts';

/** The ends of a job that a callback may be sent for. */
export const CALLBACK_ENDS = END_STATES;
export type CallbackEnd = (typeof CALLBACK_ENDS)[number];

const BYTE = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const IPV4 = `(?:${BYTE}\\.){3}${BYTE}`;
const HEX = '[0-9A-Fa-f]{1,4}';
/** An IPv6 address: eight groups, or fewer with `::` once. The last two may be an IPv4 address. */
const IPV6 = [
  `(?:${HEX}:){7}${HEX}`,
  `(?:${HEX}:){1,7}:`,
  ...[6, 5, 4, 3, 2, 1].map((left) => `(?:${HEX}:){1,${left}}(?::${HEX}){1,${7 - left}}`),
  `:(?:(?::${HEX}){1,7}|:)`,
  `(?:${HEX}:){6}${IPV4}`,
  ...[5, 4, 3, 2, 1].map((left) => `(?:${HEX}:){1,${left}}(?::${HEX}){0,${5 - left}}:${IPV4}`),
  `::(?:${HEX}:){0,5}${IPV4}`,
].join('|');
/** A name does not end with a number (`127`, `0x7f`), or it would be an address in one of its old spellings. */
const NAME = '(?:[A-Za-z0-9_-]+\\.)*(?:[A-Za-z]|[0-9]+[A-WYZa-wyz_-])[A-Za-z0-9_-]*\\.?';
/** Nobody listens at port 0. */
const PORT =
  '(?::0*(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?';
/** An http or https URL without user name, password and fragment. As a header value it must be visible ASCII. */
export const CALLBACK_URL = new RegExp(
  `^[Hh][Tt][Tt][Pp][Ss]?://(?:${NAME}|${IPV4}|\\[(?:${IPV6})\\])${PORT}(?:[/?][\\x21\\x22\\x24-\\x7e]*)?$`,
);
export const CALLBACK_URL_LENGTH = 2_048;

/** Whether a callback may go to `text`: an absolute http or https URL without user name, password and fragment. */
export function isCallbackUrl(text: string): boolean {
  return text.length <= CALLBACK_URL_LENGTH && CALLBACK_URL.test(text) && URL.canParse(text);
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
