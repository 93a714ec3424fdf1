import { fromBase64, toBase64, toHex } from '../bytes.ts';

/** Returns the SHA-256 of a text in UTF-8, in 64 lowercase hex digits. */
export async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return toHex(new Uint8Array(digest));
}

/** A secret of the Standard Webhooks scheme: `whsec_` and 24 to 64 bytes in base64. */
const SECRET = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;
const BYTES = { min: 24, max: 64, made: 32 } as const;

/** Makes a new random secret, which the sender and the receiver of callbacks share. */
export function createCallbackSecret(): string {
  return callbackSecretOf(crypto.getRandomValues(new Uint8Array(BYTES.made)));
}

/** Writes a key as a secret. */
export function callbackSecretOf(key: Uint8Array): string {
  return `whsec_${toBase64(key)}`;
}

/** Returns the key inside a secret; undefined if the text is not a secret. */
export function callbackSecretKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  const [, base64] = SECRET.exec(text) ?? [];
  if (base64 === undefined) return undefined;
  const key = fromBase64(base64);
  return key.length >= BYTES.min && key.length <= BYTES.max ? key : undefined;
}
