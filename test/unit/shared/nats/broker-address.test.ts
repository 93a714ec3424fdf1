import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parseConfig } from '../../../../shared/config.ts';
import {
  type BrokerAddress,
  brokerAddress,
  needsTls,
  serverNames,
  usesWebSocket,
} from '../../../../shared/nats/broker-address.ts';
import { refusalOf } from '../../support.ts';

const Settings = z.object({ NATS_URL: brokerAddress('nats', 'tls', 'ws', 'wss') });
const parse = (NATS_URL: unknown): BrokerAddress => parseConfig(Settings, { NATS_URL }).NATS_URL;

describe('NATS_URL', () => {
  it.each<[string, readonly string[]]>([
    ['nats://a', ['nats://a']],
    ['nats://a:4222/', ['nats://a:4222']],
    ['nats://a:4222,nats://b:4222', ['nats://a:4222', 'nats://b:4222']],
    [' nats://a , tls://b ,', ['nats://a', 'tls://b']],
    ['nats://b,nats://a,nats://b', ['nats://b', 'nats://a']],
    ['nats://[::1]:4222', ['nats://[::1]:4222']],
    ['ws://a:8080/nats?x=1,wss://b', ['ws://a:8080/nats?x=1', 'wss://b']],
  ])('%s names the servers %j', (text, servers) => {
    expect(parse(text)).toEqual({ servers });
  });

  it.each<[string, unknown]>([
    ['nats://ann:pw@a', { user: 'ann', password: 'pw' }],
    ['wss://ann:pw@a/path', { user: 'ann', password: 'pw' }],
    ['nats://ann:p%40s%3As%2C%2F@a', { user: 'ann', password: 'p@s:s,/' }],
    ['nats://ann:p@s:s@a', { user: 'ann', password: 'p@s:s' }],
    ['nats://ann:100%@a', { user: 'ann', password: '100%' }],
    ['nats://s3cr3t@a', { token: 's3cr3t' }],
    ['nats://ann:pw@a,nats://ann:pw@b', { user: 'ann', password: 'pw' }],
    ['nats://ann:pw@a,nats://b', { user: 'ann', password: 'pw' }],
  ])('%s says who connects: %j', (text, login) => {
    const address = parse(text);
    expect(address.login).toEqual(login);
    expect(address.servers.join()).not.toMatch(/@|ann|s3cr3t/);
  });

  it.each<[string, string]>([
    ['', 'must be a URL'],
    [',', 'must be a URL'],
    ['nats://', 'must be a URL'],
    ['a:4222', 'must be a URL'],
    ['http://a', 'must be a URL'],
    ['nats://a,b', 'must be a URL'],
    ['nats://ann:p,w@a', 'must be a URL'],
    ['nats://ann:p/w@a', 'must be a URL'],
    ['nats://ann:1/w@a', 'percent-encoded'],
    ['nats://ann:1?w@a', 'percent-encoded'],
    ['nats://ann:1#w@a', 'percent-encoded'],
    ['ws://ann:1/w@a', 'percent-encoded'],
    ['nats://a/stream', 'must have no path'],
    ['nats://a,ws://b', 'must not mix'],
    ['nats://:pw@a', 'must name the user'],
    ['nats://ann:pw@a,nats://bob:pw@b', 'the same user'],
    ['nats://ann:pw@a,nats://token@b', 'the same user'],
  ])('may not be %s: %s', async (text, sentence) => {
    const error = await refusalOf(() => parse(text));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(/^NATS_URL: /);
    expect(error.message).toContain(sentence);
  });

  it('shows no part of a user, a password or a token, whether it is refused or named', async () => {
    const secret = fc.string({ minLength: 1 }).map((text) => `canary${text}canary`);
    const url = fc.tuple(
      fc.constantFrom('nats://', 'tls://', 'ws://', 'http://', ''),
      fc.constantFrom('', 'ann', 'ann:', ':'),
      secret,
      fc.constantFrom('', ':'),
      secret,
      fc.constantFrom('@host:4222', '@host/', '@', '@host,nats://other'),
    );
    await fc.assert(
      fc.asyncProperty(url, async (parts) => {
        let shown: string;
        try {
          shown = serverNames(parse(parts.join('')).servers);
        } catch {
          shown = (await refusalOf(() => parse(parts.join('')))).message;
        }
        expect(shown).not.toContain('canary');
      }),
    );
  });

  it.each<[string, boolean, boolean]>([
    ['nats://a', false, false],
    ['nats://a,tls://b', false, true],
    ['ws://a', true, false],
    ['wss://a', true, false],
  ])('%s is reached over WebSocket: %s, asks NATS for TLS: %s', (text, webSocket, tls) => {
    const { servers } = parse(text);
    expect([usesWebSocket(servers), needsTls(servers)]).toEqual([webSocket, tls]);
  });
});
