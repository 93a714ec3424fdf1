import { describe, expect, it } from 'vitest';
import { callbackSecretKey, createCallbackSecret } from '../../../../shared/text/secret.ts';
import { CallbackSecrets, signatureOf } from '../../../../worker-node/callbacks/signature.ts';
import { workerConfig } from '../../../../worker-node/config.ts';
import { refusalOf } from '../../support.ts';

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

describe('the secrets of a worker', () => {
  const secretsOf = (settings: Record<string, string>): CallbackSecrets =>
    new CallbackSecrets(workerConfig(settings));

  it("are the tenant's own, or the common one", () => {
    const secrets = secretsOf({
      CALLBACK_SECRET: VECTOR.secret,
      CALLBACK_SECRETS: JSON.stringify({ acme: OTHER, globex: [OTHER, VECTOR.secret] }),
    });
    expect(secrets.of('acme')).toEqual([keyOf(OTHER)]);
    expect(secrets.of('globex')).toEqual([keyOf(OTHER), keyOf(VECTOR.secret)]);
    expect(secrets.of('initech')).toEqual([keyOf(VECTOR.secret)]);
  });

  it('may be two common ones, while one replaces the other', () => {
    const secrets = secretsOf({ CALLBACK_SECRET: `${OTHER}, ${VECTOR.secret}` });
    expect(secrets.of('acme')).toEqual([keyOf(OTHER), keyOf(VECTOR.secret)]);
  });

  it('may be missing, and then the callback is tried again later', async () => {
    const error = await refusalOf(() => secretsOf({}).of('acme'));
    expect(error).toMatchObject({ code: 'callback-unsigned', ack: 'nak' });
  });

  it.each([
    ['CALLBACK_SECRET', 'canary'],
    ['CALLBACK_SECRET', `${OTHER},`],
    ['CALLBACK_SECRETS', 'canary'],
    ['CALLBACK_SECRETS', '["canary"]'],
    ['CALLBACK_SECRETS', '{"acme":"canary"}'],
    ['CALLBACK_SECRETS', '{"acme":[]}'],
    ['CALLBACK_SECRETS', `{"a.b":"${OTHER}"}`],
    ['CALLBACK_SECRETS', `{"acme":["${OTHER}","canary"]}`],
  ])('%s that is not a secret stops the worker at its start, and is not shown: %#', async (key, value) => {
    const error = await refusalOf(() => workerConfig({ [key]: value }));
    expect(error.message).toMatch(new RegExp(`^${key}: must be`));
    expect(error.message).not.toContain('canary');
    expect(error.message).not.toContain(OTHER);
  });
});
