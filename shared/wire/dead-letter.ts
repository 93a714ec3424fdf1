/** The headers of a dead letter that say why the job died. They are for the operator: a caller may not read them all. */
import { parseJson } from '../text/json/parse-json.ts';
import { textHeader, wholeNumberHeader } from './header-codec.ts';
import { HEADER, type HeaderValues, type SetHeader } from './headers.ts';

const REASON = textHeader(HEADER.deadReason, /^[\x20-\x7e]*$/);
const ATTEMPTS = wholeNumberHeader(HEADER.deadAttempts, 0, 999_999_999);
/** How many characters of a text its header takes, once it is encoded. */
const MAX_ENCODED = { message: 2_000, detail: 8_000 } as const;

/** Why a job died. */
export interface DeadLetterReason {
  /** The code of the error that ended the job. */
  readonly code: string;
  readonly attempts: number;
  /** One line about what went wrong, in the words of whoever threw it. */
  readonly message?: string | undefined;
  /** The stack, and the causes with theirs: many lines. */
  readonly detail?: string | undefined;
}

/** The names of the headers that {@link writeDeadLetterReason} may write. */
export const DEAD_LETTER_HEADERS = [
  HEADER.deadReason,
  HEADER.deadAttempts,
  HEADER.deadMessage,
  HEADER.deadDetail,
] as const;

/** Writes the headers that {@link readDeadLetterReason} reads. A text that is too long is cut. */
export function writeDeadLetterReason(
  { code, attempts, message, detail }: DeadLetterReason,
  set: SetHeader,
): void {
  REASON.write(code, set);
  ATTEMPTS.write(attempts, set);
  if (message !== undefined) set(HEADER.deadMessage, encode(message, MAX_ENCODED.message));
  if (detail !== undefined) set(HEADER.deadDetail, encode(detail, MAX_ENCODED.detail));
}

/** The reason in a dead letter. What is missing or cannot be read is empty, 0 or undefined. Never throws. */
export function readDeadLetterReason(values: HeaderValues): DeadLetterReason {
  return {
    code: REASON.read(values) ?? '',
    attempts: ATTEMPTS.read(values) ?? 0,
    message: decode(values(HEADER.deadMessage)[0]),
    detail: decode(values(HEADER.deadDetail)[0]),
  };
}

/** A text as a JSON string in ASCII: a header value must not hold a line break. */
function encode(text: string, max: number): string {
  for (let length = Math.min(text.length, max); ; length = Math.floor(length * 0.9)) {
    const encoded = ascii(length < text.length ? `${text.slice(0, length)}…` : text);
    if (encoded.length <= max) return encoded;
  }
}

function ascii(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function decode(value: string | undefined): string | undefined {
  const text = value === undefined ? undefined : parseJson(value);
  return typeof text === 'string' ? text : undefined;
}
