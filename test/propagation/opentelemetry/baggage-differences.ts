/** The kinds of difference at one member of `baggage`. */
import type { Difference } from './differences.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const OCTETS = /^[!#-+\--:<-[\]-~]*$/;
const strip = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, '');

function parts(member: string) {
  const [pair = '', ...properties] = member.split(';');
  const at = pair.indexOf('=');
  return { key: strip(pair.slice(0, at)), value: strip(pair.slice(at + 1)), properties };
}

/** The keys under which one of the two may have stored a member. */
export function storedKeys(member: string): readonly string[] {
  const { key } = parts(member);
  const trimmed = key.trim();
  try {
    return [key, trimmed, decodeURIComponent(trimmed)];
  } catch {
    return [key, trimmed];
  }
}

function isProperty(property: string): boolean {
  const at = property.indexOf('=');
  const key = strip(at === -1 ? property : property.slice(0, at));
  return (
    strip(property) === '' || (TOKEN.test(key) && OCTETS.test(at === -1 ? '' : strip(property.slice(at + 1))))
  );
}

function decodes(value: string): boolean {
  try {
    decodeURIComponent(value);
    return true;
  } catch {
    return false;
  }
}

/** The kinds at one member. */
export const MEMBER: readonly Difference<string>[] = [
  {
    name: 'a value with other characters than those of the grammar: we drop the member',
    sentence:
      'BG 3.3.1: value = *baggage-octet; BG 3.5: "If a system determines that the value of a baggage entry is not in the format defined in this specification, it MAY remove that entry"',
    example: 'a=x y',
    explains: (member) => !OCTETS.test(parts(member).value),
  },
  {
    name: 'a key that is no token: we drop the member',
    sentence: 'BG 3.3.1.2: "A token which identifies a value in the baggage."',
    example: 'a b=1',
    explains: (member) => !TOKEN.test(parts(member).key),
  },
  {
    name: 'a percent sign in a key: we keep it, they decode it',
    sentence:
      'BG 3.3.1.2: a key is a token, in which "%" is itself; only BG 3.3.1.3, value, names percent-encoding',
    example: 'a%41=1',
    explains: (member) => parts(member).key.includes('%'),
  },
  {
    name: 'octets that are not UTF-8: we replace them, they drop the member',
    sentence:
      'BG 3.3.1.3: "percent-encoded octet sequences that do not match the UTF-8 encoding scheme MUST be replaced with the replacement code point (U+FFFD)."',
    example: 'a=%ff',
    explains: (member) => !decodes(parts(member).value),
  },
  {
    name: 'an empty value: we keep the member, they drop it',
    sentence: 'BG 3.3.1: value = *baggage-octet, which may be empty',
    example: 'a=',
    explains: (member) => parts(member).value === '',
  },
  {
    name: 'blanks around properties, and empty properties',
    sentence:
      'BG 3.3.1.4: "Leading and trailing OWS is allowed and is not considered to be a part of the property key or value."',
    example: 'a=1; p = q ;',
    explains: (member) =>
      parts(member).properties.every(isProperty) &&
      parts(member).properties.some((each) => each === '' || /[ \t]/.test(each)),
  },
  {
    name: 'a property that breaks the grammar: we drop the member',
    sentence: 'BG 3.3.1: property = key OWS "=" OWS value / key OWS',
    example: 'a=1;p q',
    explains: (member) => !parts(member).properties.every(isProperty),
  },
  {
    name: 'a member of more than 4,096 bytes: we keep it',
    sentence:
      'BG 3.3.2: "A platform MUST propagate all list-members" of a baggage-string "of size 8192 bytes or less"',
    example: `a=${'x'.repeat(5_000)}`,
    explains: (member) => member.length > 4_096,
  },
  {
    name: 'the key __proto__: they lose it',
    sentence: 'BG 3.3.1: key = token, and "_" is a tchar of RFC 7230, 3.2.6',
    example: '__proto__=1',
    explains: (member) => parts(member).key === '__proto__',
  },
];

/** The kind at a whole header. */
export const BAGGAGE_LIMITS: Difference<string> = {
  name: 'more than 64 members or 8,192 bytes',
  sentence:
    'BG 3.3.2: "If either of the above conditions is not met, a platform MAY drop list-members until both conditions are met."',
  example: Array.from({ length: 70 }, (_, i) => `k${i}=v`).join(','),
  explains: (text) => text.length > 8_192 || text.split(',').length > 64,
};
