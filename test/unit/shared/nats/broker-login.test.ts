import { describe, expect, it } from 'vitest';
import {
  checkLogin,
  type LoginSettings,
  loginOf,
  readCredentials,
} from '../../../../shared/nats/broker-login.ts';

type Given = Partial<LoginSettings>;
const ANN = { login: { user: 'ann', password: 'pw' } };

function faultsOf(given: Given): string[] {
  const issues: { path?: PropertyKey[]; message?: string }[] = [];
  checkLogin({ NATS_URL: {}, ...given }, issues as never);
  return issues.map(({ path, message }) => `${path?.join('.')}: ${message}`);
}

describe('the settings that say who connects', () => {
  it.each<[Given, unknown]>([
    [{}, undefined],
    [{ NATS_URL: ANN }, ANN.login],
    [{ NATS_USER: 'ann', NATS_PASSWORD: 'pw' }, ANN.login],
    [{ NATS_USER: 'ann' }, { user: 'ann', password: undefined }],
    [{ NATS_TOKEN: 't' }, { token: 't' }],
    [{ NATS_URL: { login: { token: 't' } } }, { token: 't' }],
    [{ NATS_URL: ANN, NATS_USER: 'ann', NATS_PASSWORD: 'pw' }, ANN.login],
    [{ NATS_URL: { login: { token: 't' } }, NATS_TOKEN: 't' }, { token: 't' }],
  ])('%j are fine, and log in as %j', (given, login) => {
    expect(faultsOf(given)).toEqual([]);
    expect(loginOf({ NATS_URL: {}, ...given })).toEqual(login);
  });

  it.each<[Given, string[]]>([
    [{ NATS_PASSWORD: 'pw' }, ['NATS_PASSWORD: needs NATS_USER']],
    [{ NATS_TOKEN: 't', NATS_USER: 'ann' }, ['NATS_USER: contradicts NATS_TOKEN']],
    [{ NATS_CREDS: 'c', NATS_TOKEN: 't' }, ['NATS_TOKEN: contradicts NATS_CREDS']],
    [{ NATS_URL: ANN, NATS_USER: 'bob', NATS_PASSWORD: 'pw' }, ['NATS_USER: contradicts NATS_URL']],
    [{ NATS_URL: ANN, NATS_USER: 'ann' }, ['NATS_USER: contradicts NATS_URL']],
    [{ NATS_URL: ANN, NATS_CREDS_FILE: 'f' }, ['NATS_CREDS_FILE: contradicts NATS_URL']],
    [
      { NATS_CREDS: 'c', NATS_TOKEN: 't', NATS_USER: 'ann' },
      ['NATS_TOKEN: contradicts NATS_CREDS', 'NATS_USER: contradicts NATS_CREDS'],
    ],
  ])('%j are refused, since one of them would be ignored', (given, sentences) => {
    const faults = faultsOf(given);
    expect(faults).toHaveLength(sentences.length);
    for (const [index, sentence] of sentences.entries()) expect(faults[index]).toContain(sentence);
  });
});

describe('a credentials file', () => {
  const file = (line: string): string =>
    ['-----BEGIN NATS USER JWT-----', 'e30.e30', '------END NATS USER JWT------', 'a remark', ''].join(line) +
    ['-----BEGIN USER NKEY SEED-----', 'SUAM', '------END USER NKEY SEED------', ''].join(line);

  const unix = file('\n');

  it.each([
    ['as nsc writes it', unix],
    ['with the line ends of Windows', file('\r\n')],
    ['with the mark that begins a file of Windows', `\ufeff${file('\r\n')}`],
    ['with spaces before its lines', unix.replaceAll(/^/gm, '  ')],
    ['with spaces after its lines', unix.replaceAll('\n', ' \n')],
    ['with empty lines between its lines', unix.replaceAll('\n', '\n\n')],
  ])('%s holds a JWT and a seed', (_what, text) => {
    expect(readCredentials(text)).toEqual({ jwt: 'e30.e30', seed: 'SUAM' });
  });

  it.each(['', 'a path', file('\n').split('a remark')[0] ?? '', file('\\n')])('is not %j', (text) => {
    expect(readCredentials(text)).toBeUndefined();
  });
});
