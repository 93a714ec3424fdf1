import { describe, expect, it } from 'vitest';
import { callbackSecretKey, createCallbackSecret } from '../../../../shared/text/secret.ts';
import { signatureOf } from '../../../../worker-node/callbacks/signature.ts';

/** The example in the tests of the reference libraries of Standard Webhooks. */
const VECTOR = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  message: { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1_614_265_330, body: '{"test": 2432232314}' },
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const OTHER = createCallbackSecret();
const keyOf = (secret: string): Uint8Array => callbackSecretKey(secret) ?? new Uint8Array();

describe('a signature', () => {
  it('follows Standard Webhooks', () => {
    expect(signatureOf(VECTOR.message, [keyOf(VECTOR.secret)])).toBe(VECTOR.signature);
  });

  it('has one part for each secret, in their order', () => {
    const both = signatureOf(VECTOR.message, [keyOf(OTHER), keyOf(VECTOR.secret)]).split(' ');
    expect(both).toEqual([signatureOf(VECTOR.message, [keyOf(OTHER)]), VECTOR.signature]);
  });

  it('covers the bytes of the text', () => {
    const signed = (body: string): string => signatureOf({ ...VECTOR.message, body }, [keyOf(VECTOR.secret)]);
    expect(signed('ü')).not.toBe(signed('u'));
  });
});

describe('a secret', () => {
  it('is made of 32 random bytes', () => {
    expect(keyOf(OTHER)).toHaveLength(32);
    expect(createCallbackSecret()).not.toBe(OTHER);
  });

  it.each([
    '',
    'whsec_',
    'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La-_Sw',
    'whsec_c2hvcnQ=',
    `whsec_${'AAAA'.repeat(22)}`,
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n',
  ])('is not %j', (text) => {
    expect(callbackSecretKey(text)).toBeUndefined();
  });
});
