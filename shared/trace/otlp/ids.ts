import { fromBase64Url, toHex } from '../../bytes.ts';

/** Whether a text is an id of a trace or a span: lowercase hexadecimal digits, not all of them zero. */
export function isId(id: string, digits: number): boolean {
  return id.length === digits && /^[0-9a-f]+$/.test(id) && !/^0+$/.test(id);
}

/**
 * An id that protobuf's own JSON wrote: bytes in base64.
 * @param digits the length of the id in hexadecimal digits
 * @returns undefined if the text is not so many bytes in base64, as a hexadecimal id never is
 */
export function base64ToHex(text: string, digits: number): string | undefined {
  const bytes = digits / 2;
  const length = Math.ceil(bytes / 3) * 4;
  if (text.length !== length || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  const hex = toHex(fromBase64Url(text));
  return hex.length === digits ? hex : undefined;
}
