import { expect, it } from 'vitest';
import { callbackSecretKey, createCallbackSecret } from '../../../shared/text/secret.ts';
import { signatureOf } from '../../../worker-node/callbacks/signature.ts';
import { blockOf } from '../../support/docs/pages.ts';

it('the code of docs/HTTP-API.md to verify a callback accepts only genuine ones', async () => {
  const code = blockOf('docs/HTTP-API.md', 'js verify').trim();
  const { isGenuine } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    isGenuine: (secret: string, headers: Record<string, string>, body: string) => boolean;
  };
  const secret = createCallbackSecret();
  const other = createCallbackSecret();
  const keys = [other, secret].map((text) => callbackSecretKey(text) ?? new Uint8Array());
  const timestamp = Math.floor(Date.now() / 1_000);
  const signed = (at: number): Record<string, string> => ({
    'webhook-id': 'job-1:end',
    'webhook-timestamp': String(at),
    'webhook-signature': signatureOf({ id: 'job-1:end', timestamp: at, body: '{}' }, keys),
  });
  expect(isGenuine(secret, signed(timestamp), '{}')).toBe(true);
  expect(isGenuine(secret, signed(timestamp), '[]')).toBe(false);
  expect(isGenuine(createCallbackSecret(), signed(timestamp), '{}')).toBe(false);
  expect(isGenuine(secret, signed(timestamp - 1_000), '{}')).toBe(false);
  expect(isGenuine(secret, {}, '{}')).toBe(false);
});
