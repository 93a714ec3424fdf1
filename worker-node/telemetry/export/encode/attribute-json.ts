import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { anyValue } from '../../../../shared/trace/otlp-json.ts';
import { type JsonBytes, utf8 } from './json-bytes.ts';

/** Authors choose keys. Those beyond this number are written without being remembered. */
const MAX_KEYS = 256;
/** A key with more values than this has too many to remember any. */
const MAX_VALUES = 32;
/** A longer text is not remembered. */
const MAX_CHARACTERS = 128;

const STRING = '{"stringValue":"';
const STRING_END = utf8('"}}');
const INT = '{"intValue":';
const END = utf8('}}');

/** A key of attributes. Each attribute begins with a comma. */
interface Key {
  /** What an attribute begins with. */
  readonly start: Uint8Array;
  /** The same, and what a text begins with. */
  readonly startOfText: Uint8Array;
  /** The same, and what a whole number begins with. */
  readonly startOfInt: Uint8Array;
  /** Whole attributes by their values; undefined: there are too many. */
  values: Map<AttributeValue, Uint8Array> | undefined;
}

/**
 * Writes attributes as OTLP's JSON. Most attributes of spans have one of a few values, such as `messaging.system`. They are
 * remembered as bytes.
 */
export class AttributeJson {
  readonly #keys = new Map<string, Key>();

  /** Writes the elements of a list of attributes. */
  write(out: JsonBytes, attributes: Attributes): void {
    const from = out.length;
    let isFirst = true;
    for (const key in attributes) {
      const value = attributes[key];
      if (value === undefined) continue;
      this.#writeOne(out, this.#keyOf(key), value);
      if (isFirst) out.cutComma(from);
      isFirst = false;
    }
  }

  /**
   * Writes elements of a list of attributes.
   * @param list names and values in turns
   * @param isEmpty whether nothing is in the list so far
   */
  writeMore(out: JsonBytes, list: readonly AttributeValue[], isEmpty: boolean): void {
    const from = out.length;
    let isFirst = isEmpty;
    for (let at = 0; at < list.length; at += 2) {
      const value = list[at + 1];
      if (value === undefined) continue;
      this.#writeOne(out, this.#keyOf(list[at] as string), value);
      if (isFirst) out.cutComma(from);
      isFirst = false;
    }
  }

  #writeOne(out: JsonBytes, key: Key, value: AttributeValue): void {
    const known = key.values?.get(value);
    if (known !== undefined) {
      out.put(known);
      return;
    }
    const from = out.length;
    writeAttribute(out, key, value);
    if (key.values === undefined || !isShort(value)) return;
    if (key.values.size < MAX_VALUES) key.values.set(value, out.copy(from));
    else key.values = undefined;
  }

  #keyOf(key: string): Key {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const isRemembered = this.#keys.size < MAX_KEYS;
    const added = makeKey(key, isRemembered ? new Map() : undefined);
    if (isRemembered) this.#keys.set(key, added);
    return added;
  }
}

function makeKey(name: string, values: Key['values']): Key {
  const start = `,{"key":${JSON.stringify(name.toWellFormed())},"value":`;
  return {
    start: utf8(start),
    startOfText: utf8(start + STRING),
    startOfInt: utf8(start + INT),
    values,
  };
}

function writeAttribute(
  out: JsonBytes,
  { start, startOfText, startOfInt }: Key,
  value: AttributeValue,
): void {
  if (typeof value === 'string') {
    out.around(startOfText, value, STRING_END);
  } else if (Number.isSafeInteger(value)) {
    out.around(startOfInt, String(value), END);
  } else {
    out.put(start);
    out.put(utf8(`${JSON.stringify(anyValue(value))}}`));
  }
}

function isShort(value: AttributeValue): boolean {
  return typeof value === 'string' ? value.length <= MAX_CHARACTERS : typeof value !== 'object';
}
