import { createHmac } from 'node:crypto';

interface SignedMessage {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly body: string;
}

/**
 * The value of `webhook-signature`: one signature for each key, so that a receiver may know the old secret or the new
 * one (https://www.standardwebhooks.com, "Symmetric signatures").
 */
export function signatureOf({ id, timestamp, body }: SignedMessage, keys: readonly Uint8Array[]): string {
  const content = `${id}.${timestamp}.${body}`;
  return keys
    .map((key) => `v1,${createHmac('sha256', key).update(content, 'utf8').digest('base64')}`)
    .join(' ');
}
