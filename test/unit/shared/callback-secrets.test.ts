import { hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CallbackSecrets, callbackSecretsFor } from '../../../shared/callback-secrets.ts';
import { callbackSecretKey, callbackSecretOf, createCallbackSecret } from '../../../shared/text/secret.ts';
import { workerConfig } from '../../../worker-node/config.ts';
import { refusalOf } from '../support.ts';

const NEW = createCallbackSecret();
const OLD = createCallbackSecret();
const keyOf = (secret: string): Uint8Array => callbackSecretKey(secret) ?? new Uint8Array();

/** What Node derives: an implementation of HKDF that the project does not use. */
const derivedKey = (master: string, tenant: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', keyOf(master), '', `throughline/callbacks/${tenant}`, 32));

const secretsOf = (settings: Record<string, string>): CallbackSecrets =>
  new CallbackSecrets(workerConfig(settings));

describe('the keys of a tenant', () => {
  it('are derived from the master secret, and differ from those of every other tenant', async () => {
    const secrets = secretsOf({ CALLBACK_SECRET: NEW });
    const alpha = await secrets.of('alpha');
    const beta = await secrets.of('beta');
    expect(alpha).toEqual([derivedKey(NEW, 'alpha')]);
    expect(beta).toEqual([derivedKey(NEW, 'beta')]);
    expect(beta).not.toEqual(alpha);
    expect(alpha).not.toEqual([keyOf(NEW)]);
    expect(await secrets.of('alpha')).toEqual(alpha);
  });

  it('are two while one master secret replaces another, the newest first', async () => {
    const secrets = secretsOf({ CALLBACK_SECRET: `${NEW}, ${OLD}` });
    expect(await secrets.of('acme')).toEqual([derivedKey(NEW, 'acme'), derivedKey(OLD, 'acme')]);
  });

  it('are its own where it has any', async () => {
    const own = `{"acme":"${OLD}","globex":["${OLD}","${NEW}"],"__proto__":"${OLD}"}`;
    const secrets = secretsOf({ CALLBACK_SECRET: NEW, CALLBACK_SECRETS: own });
    expect(await secrets.of('acme')).toEqual([keyOf(OLD)]);
    expect(await secrets.of('__proto__')).toEqual([keyOf(OLD)]);
    expect(await secrets.of('globex')).toEqual([keyOf(OLD), keyOf(NEW)]);
    expect(await secrets.of('initech')).toEqual([derivedKey(NEW, 'initech')]);
  });

  it('are its own also if the tenant has the name of a part of every object', async () => {
    const CALLBACK_SECRETS = `{"__proto__":"${OLD}","constructor":"${NEW}"}`;
    const secrets = secretsOf({ CALLBACK_SECRET: NEW, CALLBACK_SECRETS });
    expect(await secrets.of('__proto__')).toEqual([keyOf(OLD)]);
    expect(await secrets.of('constructor')).toEqual([keyOf(NEW)]);
    expect(await secrets.of('toString')).toEqual([derivedKey(NEW, 'toString')]);
  });

  it('are refused if a tenant is there twice, by its name', async () => {
    const CALLBACK_SECRETS = `{"acme":"${OLD}","globex":"${OLD}","acme":"${NEW}"}`;
    const error = await refusalOf(() => workerConfig({ CALLBACK_SECRETS }));
    expect(error).toMatchObject({ code: 'config-invalid', message: 'CALLBACK_SECRETS: has /acme twice' });
  });

  it('may be missing, and then the callback is tried again later', async () => {
    const error = await refusalOf(() => secretsOf({}).of('acme'));
    expect(error).toMatchObject({ code: 'callback-unsigned' });
  });
});

describe('the secrets for the receivers of a tenant', () => {
  it('are those that sign', async () => {
    const CALLBACK_SECRETS = JSON.stringify({ globex: [OLD, NEW] });
    const environment = { CALLBACK_SECRET: `${NEW},${OLD}`, CALLBACK_SECRETS };
    expect(await callbackSecretsFor('acme', environment)).toEqual([
      callbackSecretOf(derivedKey(NEW, 'acme')),
      callbackSecretOf(derivedKey(OLD, 'acme')),
    ]);
    expect(await callbackSecretsFor('globex', environment)).toEqual([OLD, NEW]);
  });

  it('need the settings of the workers', async () => {
    const error = await refusalOf(() => callbackSecretsFor('acme', {}));
    expect(error.message).toBe('CALLBACK_SECRET: must be set, as it is for the workers');
  });
});

describe('a setting', () => {
  it.each([
    ['CALLBACK_SECRET', 'canary'],
    ['CALLBACK_SECRET', `${NEW},`],
    ['CALLBACK_SECRETS', 'canary'],
    ['CALLBACK_SECRETS', '["canary"]'],
    ['CALLBACK_SECRETS', '{"acme":"canary"}'],
    ['CALLBACK_SECRETS', '{"acme":[]}'],
    ['CALLBACK_SECRETS', `{"a.b":"${NEW}"}`],
    ['CALLBACK_SECRETS', `{"acme":["${NEW}","canary"]}`],
  ])('%s that is not a secret stops the worker at its start, and is not shown: %#', async (key, value) => {
    const error = await refusalOf(() => workerConfig({ [key]: value }));
    expect(error.message).toMatch(new RegExp(`^${key}: must be`));
    expect(error.message).not.toContain('canary');
    expect(error.message).not.toContain(NEW);
  });
});
