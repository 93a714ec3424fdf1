/**
 * Where our propagator reads a header otherwise than OpenTelemetry's own, and the sentence that decides it. "TC" is W3C Trace
 * Context Level 2, "BG" is W3C Baggage (Candidate Recommendation of 30 May 2024).
 */
import type { Read } from './both.ts';

/** One kind of difference. */
export interface Difference<Header> {
  readonly name: string;
  readonly sentence: string;
  /** A header that shows it. */
  readonly example: Header;
  /** Whether this kind explains the difference at this header. */
  readonly explains: (header: Header, ours: Read, theirs: Read) => boolean;
}

const EXAMPLE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const FUTURE = EXAMPLE.replace('00-', 'cc-');

/** The kinds at `traceparent`. */
export const TRACEPARENT: readonly Difference<string>[] = [
  {
    name: 'flags that are not defined',
    sentence:
      'TC 3.2.2.5: "The behavior of other flags, such as (00000100) is not defined and is reserved for future use. Vendors MUST set those to zero."',
    example: EXAMPLE.replace(/01$/, 'ff'),
    explains: (_, ours, theirs) =>
      ours.span === theirs.span && ours.flags !== theirs.flags && ours.flags === (theirs.flags & 3),
  },
  {
    name: 'blanks around the value',
    sentence:
      'RFC 9110, 5.5: "A field value does not include leading or trailing whitespace."; 5.6.3: OWS is SP / HTAB',
    example: `  ${EXAMPLE}`,
    explains: (text, ours, theirs) =>
      text !== text.trim() && (ours.span === undefined) !== (theirs.span === undefined),
  },
  {
    name: 'a comma behind a version from the future',
    sentence:
      'RFC 9110, 5.3: "a sender MUST NOT generate multiple field lines with the same name" unless it is a list; a list is joined by commas. TC 3.2.2: value = version "-" version-format, which is no list',
    example: `${FUTURE}-x,${EXAMPLE}`,
    explains: (text, ours) => text.includes(',') && ours.span === undefined,
  },
  {
    name: 'a line break behind a version from the future',
    sentence: 'TC 3.2.4: "Vendors MUST NOT parse or assume anything about unknown fields for this version."',
    example: `${FUTURE}-a\nb`,
    explains: (text, ours) =>
      /^(?!00|ff)[^,]{55}-[^,]*[\n\r\u2028\u2029]/.test(text.trim()) && ours.span !== undefined,
  },
  {
    name: 'a value of more than 512 characters',
    sentence:
      'TC 3.2.4: "They should expect that headers may have larger size limits in the future and only disallow prohibitively large headers."',
    example: `${FUTURE}-${'a'.repeat(512)}`,
    explains: (text, ours) => text.length > 512 && ours.span === undefined,
  },
];

const OWS_ENDS = /^[ \t]+|[ \t]+$/g;
const membersOf = (text: string) =>
  text
    .split(',')
    .map((member) => member.replace(OWS_ENDS, ''))
    .filter((member) => member !== '');
const keyOf = (member: string) => member.split('=')[0] ?? '';
const LEVEL_2 = /^[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;
const LEVEL_1_KEY = /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})$/;

/** The kinds at `tracestate`. */
export const TRACESTATE: readonly Difference<string>[] = [
  {
    name: 'a member that breaks the grammar: we drop the list, they drop the member',
    sentence:
      'TC 3.3, Versioning of tracestate: "It is the vendor\'s decision whether to use partially-parsed tracestate key/value pairs or not."',
    example: 'a=1,B=2',
    explains: (text, ours) =>
      ours.tracestate === '' && membersOf(text).some((member) => !LEVEL_2.test(member)),
  },
  {
    name: 'keys of Level 2',
    sentence: 'TC 3.3, Key: "A key MUST begin with a lowercase letter or a digit", keychar includes "@"',
    example: '0a=1,a@b@c=2',
    explains: (text, ours) =>
      ours.tracestate !== '' && membersOf(text).some((member) => !LEVEL_1_KEY.test(keyOf(member))),
  },
  {
    name: 'more than 512 characters',
    sentence:
      'TC 3.3, limits: "Entries larger than 128 characters long SHOULD be removed first. Then entries SHOULD be removed starting from the end of tracestate."',
    example: `a=${'x'.repeat(200)},b=${'x'.repeat(90)},c=${'x'.repeat(90)},d=${'x'.repeat(90)},e=${'x'.repeat(90)}`,
    explains: (text) => membersOf(text).join(',').length > 512,
  },
  {
    name: 'more than 32 members',
    sentence: 'TC 3.3: "There can be a maximum of 32 list-members in a list."',
    example: Array.from({ length: 33 }, (_, i) => `k${i}=v`).join(','),
    explains: (text, ours) => membersOf(text).length > 32 && ours.tracestate === '',
  },
  {
    name: 'a key that is repeated: we keep the first value, they keep the last',
    sentence:
      'TC 3.3: "Only one entry per key is allowed because the entry represents that last position in the trace."; TC 3.5: "Modified keys MUST be moved to the beginning (left) of the list."',
    example: 'a=new,b=1,a=old',
    explains: (text) => {
      const keys = membersOf(text).map(keyOf);
      return new Set(keys).size < keys.length;
    },
  },
];
