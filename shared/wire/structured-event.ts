/** CloudEvents in structured mode: the body of the message is the whole event as JSON (NATS binding 3, JSON format 3). */
import { fromBase64 } from '../bytes.ts';
import type { NatsHeadersLike } from '../propagation/index.ts';
import { encodeAttribute } from '../text/event-attribute.ts';
import { HEADER, type HeaderValues, headerValues } from './headers.ts';
import { readJson, writeJson } from './json-body.ts';

const STRUCTURED = /^\s*application\/cloudevents/i;
const STRUCTURED_JSON = /^\s*application\/cloudevents\+json\s*(?:;|$)/i;

/** The name of an attribute: CloudEvents allows only these characters, so that it can be a header. */
const ATTRIBUTE = /^[a-z0-9]{1,64}$/;

/** The headers and the body of a message. */
interface Message {
  readonly headers: NatsHeadersLike | undefined;
  readonly data: Uint8Array;
}

/** Whether the headers say that the body is a whole CloudEvent, in any format. */
export const isStructured = (values: HeaderValues): boolean =>
  values(HEADER.contentType).some((type) => STRUCTURED.test(type));

/**
 * Returns a message in binary mode: one in structured mode gets the attributes of its event as headers, and the event's data
 * as its body. Other messages are returned as they are, and so is one whose event cannot be read: its content type still
 * says what it should have been ({@link isStructured}). Never throws.
 *
 * The SDK of Go writes structured mode without a content type, as the binding 1.0.2 had it. So a message without one, and
 * without an attribute of CloudEvents, is in structured mode if its body is a CloudEvent.
 */
export function toBinaryMode(message: Message): Message {
  const values = headerValues(message.headers);
  const types = values(HEADER.contentType);
  const mayBe = types.length === 0 && values(HEADER.ceSpecVersion).length === 0;
  if (!mayBe && !types.some((type) => STRUCTURED_JSON.test(type))) return message;
  try {
    const event = readEvent(message.data, mayBe);
    return event === undefined
      ? message
      : { headers: headersOf(event, message.headers), data: dataOf(event) };
  } catch {
    return message;
  }
}

const BRACE = 0x7b;

/** Reads a body as an event; undefined if it is none, which `mayBe` says that it may be. @throws ThroughlineError */
function readEvent(body: Uint8Array, mayBe: boolean): object | undefined {
  if (mayBe && body[0] !== BRACE) return undefined;
  const event = readJson(body);
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return undefined;
  const { specversion, id, source, type } = event as Record<string, unknown>;
  const isEvent = specversion === '1.0' && [id, source, type].every((value) => typeof value === 'string');
  return isEvent ? event : undefined;
}

/** The headers of the message with the attributes of the event. An attribute in the body wins over a header of its name. */
function headersOf(event: { data?: unknown }, others: NatsHeadersLike | undefined): NatsHeadersLike {
  const lines = new Map<string, string[]>();
  for (const key of others?.keys() ?? []) {
    if (!/^(?:ce-|content-type$)/i.test(key)) lines.set(key, others?.values(key) ?? []);
  }
  for (const [name, value] of Object.entries({ ...typeOf(event), ...event })) {
    const isValue = ['string', 'number', 'boolean'].includes(typeof value);
    if (isValue && name !== 'data' && ATTRIBUTE.test(name))
      lines.set(`ce-${name}`, [encodeAttribute(String(value))]);
  }
  return { keys: () => [...lines.keys()], values: (key) => lines.get(key) ?? [] };
}

/** Without a type, `data` is JSON. What `data_base64` is, nobody knows then. */
const typeOf = ({ data }: { data?: unknown }) =>
  data === undefined ? {} : { datacontenttype: 'application/json' };

/** The data of an event, as a message in binary mode has it. @throws Error if it is not what the format says */
function dataOf(event: { data?: unknown; data_base64?: unknown; datacontenttype?: unknown }): Uint8Array {
  const { data, data_base64: base64, datacontenttype } = event;
  if (base64 !== undefined && base64 !== null) return fromBase64(String(base64));
  if (data === undefined) return new Uint8Array();
  const isText =
    typeof data === 'string' && typeof datacontenttype === 'string' && !isJsonType(datacontenttype);
  return isText ? new TextEncoder().encode(data) : writeJson(data);
}

/** Whether a media type says that the data is JSON: its subtype is `json`, or ends with `+json`. */
export const isJsonType = (mediaType: string): boolean =>
  /^\s*[^/\s;]+\/(?:[^\s;]+\+)?json\s*(?:;|$)/i.test(mediaType);
