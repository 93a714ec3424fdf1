import {
  type Baggage,
  type BaggageEntry,
  type BaggageEntryMetadata,
  baggageEntryMetadataFromString,
} from '@opentelemetry/api';
import { BaggageEntries } from './baggage-entries.ts';
import { eachMember, trimOws } from './header-list.ts';
import { percentDecode, percentEncode, percentEncodeLeast } from './percent.ts';

/** The limits of W3C Baggage, section 3.3.2. A valid header is ASCII, so one character is one byte. */
const MAX_MEMBERS = 64;
const MAX_BYTES = 8192;

/**
 * Members that start after this many characters are counted, but not read, so that a huge header costs almost nothing.
 */
const MAX_READ = 2 * MAX_BYTES;

/** `token` of RFC 7230, section 3.2.6, and `baggage-octet` of W3C Baggage, section 3.3.1. */
const TCHAR = String.raw`[!#$%&'*+\-.^_\x60|~0-9A-Za-z]`;
const OCTET = String.raw`[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]`;
const TOKEN = new RegExp(`^${TCHAR}+$`);
const OCTETS = new RegExp(`^${OCTET}*$`);

/** A property without white space. We write properties in this form, and nearly all properties arrive in it. */
const PROPERTY = `${TCHAR}+(?:=${OCTET}*)?`;
const PROPERTIES = new RegExp(`^${PROPERTY}(?:;${PROPERTY})*$`);

type Encode = (value: string) => string;

/** Why members were dropped. If there are several reasons, this is the first. */
export type BaggageDropReason =
  | 'unreadable'
  | 'too-long'
  | 'too-many-members'
  | 'malformed'
  | 'duplicate-key';

/**
 * The result of reading the header `baggage`: the entries if there are any, the number of dropped members, and the
 * reason.
 */
export interface BaggageReading {
  readonly baggage?: Baggage;
  readonly reason?: BaggageDropReason;
  readonly dropped: number;
}

/**
 * Reads all `baggage` values of a carrier as one list (W3C Baggage, section 3.3): at most 64 members and 8,192 bytes. A
 * member that is malformed or does not fit is dropped as a whole, and counted. If two members have the same key, the
 * last one wins. Never throws on strings.
 */
export function parseBaggage(values: readonly string[]): BaggageReading {
  const reader = new BaggageReader();
  eachMember(values, (member) => reader.take(member));
  return reader.finish();
}

/** Reads the members of one header that the limits allow. */
class BaggageReader {
  readonly #entries = new Map<string, BaggageEntry>();
  #members = 0;
  #bytes = 0;
  #read = 0;
  #dropped = 0;
  #reason: BaggageDropReason | undefined;

  take(text: string): void {
    const start = this.#read;
    this.#read += text.length + 1;
    const bytes = sizeWith(this.#bytes, text);
    if (this.#members === MAX_MEMBERS) this.#drop('too-many-members');
    else if (start > MAX_READ || bytes > MAX_BYTES) this.#drop('too-long');
    else this.#keep(text, bytes);
  }

  #keep(text: string, bytes: number): void {
    const equals = text.indexOf('=');
    const key = trimOws(text.slice(0, equals));
    const entry = equals === -1 || !TOKEN.test(key) ? undefined : parseEntry(text.slice(equals + 1));
    if (entry === undefined) {
      this.#drop('malformed');
      return;
    }
    if (this.#entries.has(key)) this.#drop('duplicate-key');
    this.#entries.set(key, entry);
    this.#members++;
    this.#bytes = bytes;
  }

  #drop(reason: BaggageDropReason): void {
    this.#dropped++;
    this.#reason ??= reason;
  }

  finish(): BaggageReading {
    const dropped = this.#dropped;
    const reason = this.#reason;
    if (this.#members === 0) return reason === undefined ? { dropped } : { reason, dropped };
    const baggage = new BaggageEntries(this.#entries);
    return reason === undefined ? { baggage, dropped } : { baggage, reason, dropped };
  }
}

/** Returns the size of a list of `bytes` bytes after one more member and a comma. */
const sizeWith = (bytes: number, member: string): number => bytes + (bytes === 0 ? 0 : 1) + member.length;

/** Reads one member of the form `value *( OWS ";" OWS property )`; undefined if it is malformed. */
function parseEntry(text: string): BaggageEntry | undefined {
  const semicolon = text.indexOf(';');
  const octets = trimOws(semicolon === -1 ? text : text.slice(0, semicolon));
  if (!OCTETS.test(octets)) return undefined;
  const value = percentDecode(octets);
  if (semicolon === -1) return { value };
  const properties = normalizeProperties(text.slice(semicolon + 1));
  if (properties === undefined) return undefined;
  return properties === '' ? { value } : { value, metadata: baggageEntryMetadataFromString(properties) };
}

/**
 * Returns the properties of a member, separated by `;` and without white space; undefined if a property is malformed
 * (W3C Baggage, section 3.3.1.4).
 */
function normalizeProperties(text: string): string | undefined {
  if (PROPERTIES.test(text)) return text;
  const properties: string[] = [];
  for (const property of text.split(';').map(trimOws)) {
    if (property === '') continue;
    const equals = property.indexOf('=');
    const key = equals === -1 ? property : trimOws(property.slice(0, equals));
    const value = equals === -1 ? '' : trimOws(property.slice(equals + 1));
    if (!TOKEN.test(key) || !OCTETS.test(value)) return undefined;
    properties.push(equals === -1 ? key : `${key}=${value}`);
  }
  return properties.join(';');
}

/**
 * Writes a `baggage` value of at most 64 members and 8,192 bytes; an empty string if nothing can be sent. A member with
 * an invalid key, or a member that does not fit, is left out as a whole. If only the metadata of a member is malformed,
 * the member is sent without metadata. If not all members fit, values are encoded as little as the grammar allows, so that
 * a header that was read can be passed on (W3C Baggage, section 3.3.2).
 */
export function formatBaggage(baggage: Baggage): string {
  const entries = baggage.getAllEntries();
  return write(entries, percentEncode, true) ?? write(entries, percentEncodeLeast, false) ?? '';
}

/** Writes the members that fit; if `all` must fit and one does not, returns undefined. */
function write(entries: [string, BaggageEntry][], encode: Encode, all: boolean): string | undefined {
  let text = '';
  let members = 0;
  for (const [key, entry] of entries) {
    const member = formatMember(key, entry, encode);
    if (member === undefined) continue;
    if (sizeWith(text.length, member) > MAX_BYTES) {
      if (all) return undefined;
      continue;
    }
    text = text === '' ? member : `${text},${member}`;
    if (++members === MAX_MEMBERS) break;
  }
  return text;
}

function formatMember(key: string, entry: BaggageEntry, encode: Encode): string | undefined {
  if (!TOKEN.test(key) || typeof entry.value !== 'string') return undefined;
  const properties = entry.metadata === undefined ? '' : propertiesOf(entry.metadata);
  const pair = `${key}=${encode(entry.value)}`;
  return properties === '' ? pair : `${pair};${properties}`;
}

/**
 * Returns the properties in a metadata object; an empty text if they are malformed. Any program may have made the object,
 * so its `toString` may throw.
 */
function propertiesOf(metadata: BaggageEntryMetadata): string {
  try {
    return normalizeProperties(metadata.toString()) ?? '';
  } catch {
    return '';
  }
}
