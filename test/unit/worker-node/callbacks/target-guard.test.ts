import http from 'node:http';
import type { LookupFunction } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { post } from '../../../../worker-node/callbacks/post.ts';
import { TargetGuard } from '../../../../worker-node/callbacks/target-guard.ts';
import { OpenAddresses } from '../../../../worker-node/operations/targets/addresses.ts';
import { type CallbackReceiver, startCallbackReceiver } from '../../../support/http/callback-receiver.ts';
import { until } from '../../../support/poll.ts';
import { refusalOf } from '../../support.ts';
import { CLOSED, PUBLIC } from '../operations/targets/address-lists.ts';
import { IDLE } from '../support.ts';

/** The addresses of names in these tests: one list for each lookup, and the last list for all later ones. */
const NAMES = new Map<string, readonly (readonly string[])[]>();
const looks: string[] = [];

/** The addresses of a name at the next lookup. */
function addressesOf(name: string): readonly string[] {
  const answers = NAMES.get(name) ?? [[]];
  const nth = looks.filter((look) => look === name).length;
  looks.push(name);
  return answers[Math.min(nth, answers.length - 1)] ?? [];
}

vi.mock('node:dns', async (importOriginal) => {
  const dns = await importOriginal<typeof import('node:dns')>();
  const lookup = (name: string, _options: object, callback: (error: null, found: object[]) => void): void =>
    callback(
      null,
      addressesOf(name).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  class Resolver {
    #found: readonly string[] | undefined;
    #of(name: string, isWanted: (address: string) => boolean): string[] {
      this.#found ??= addressesOf(name);
      return this.#found.filter(isWanted);
    }
    resolve4 = async (name: string): Promise<string[]> => this.#of(name, (address) => !address.includes(':'));
    resolve6 = async (name: string): Promise<string[]> => this.#of(name, (address) => address.includes(':'));
  }
  return { ...dns, lookup, promises: { ...dns.promises, Resolver } };
});

const literal = (address: string): string => (address.includes(':') ? `[${address}]` : address);
const admit = (url: string, allow = '', open = ''): LookupFunction =>
  new TargetGuard(allow, new OpenAddresses(open)).admit(new URL(url));

/** Looks a name up with a guarded lookup. */
function resolve(lookup: LookupFunction, name: string): Promise<unknown> {
  return new Promise((done, fail) => {
    lookup(name, { all: true }, (error, addresses) => (error === null ? done(addresses) : fail(error)));
  });
}

beforeEach(() => {
  NAMES.clear();
  looks.length = 0;
});

describe('by default a callback', () => {
  it.each(PUBLIC)('may go to https at %s', (address) => {
    expect(() => admit(`https://${literal(address)}/`)).not.toThrow();
  });

  it.each(CLOSED)('may not go to https at %s', async (address) => {
    expect(await refusalOf(() => admit(`https://${literal(address)}/`))).toMatchObject({
      code: 'target-refused',
    });
  });

  it.each([
    '127.1',
    '0x7f000001',
    '2130706433',
    '0177.0.0.1',
    '0',
    '127.0.0.1.',
    '[::ffff:7f00:1]',
    '１２７.0.0.1',
  ])('may not go to an odd spelling of a closed address: %s', async (host) => {
    expect(await refusalOf(() => admit(`https://${host}/`))).toMatchObject({ code: 'target-refused' });
  });

  it.each(['metadata.google.internal', 'METADATA.google.internal.', 'metadata.platformequinix.com'])(
    'may not go to the metadata service of a cloud, wherever its name leads: %s',
    async (host) => {
      expect(await refusalOf(() => admit(`https://${host}/`))).toMatchObject({ code: 'target-refused' });
    },
  );

  it.each([
    ['http://acme.example/', 'http://acme.example'],
    ['http://8.8.8.8/', 'http://8.8.8.8'],
    ['ftp://acme.example/', 'ftp://acme.example'],
    ['data:text/plain,x', 'data:'],
    ['unix:/run/docker.sock', 'unix:'],
  ])('may not go to %s', async (url, origin) => {
    expect(await refusalOf(() => admit(url))).toMatchObject({
      code: 'target-refused',
      message: `${origin} is not https, and CALLBACK_ALLOW of this worker does not open it`,
    });
  });

  it.each(CLOSED)('may not follow a name to %s, even among others', async (address) => {
    NAMES.set('acme.example', [['8.8.8.8', address]]);
    const error = await refusalOf(() => resolve(admit('https://acme.example/'), 'acme.example'));
    expect(error).toMatchObject({ code: 'target-refused' });
  });

  it('connects to the addresses that were checked, and checks them at each lookup', async () => {
    NAMES.set('rebound.example', [['8.8.8.8'], ['127.0.0.1']]);
    const lookup = admit('https://rebound.example/');
    expect(await resolve(lookup, 'rebound.example')).toEqual([{ address: '8.8.8.8', family: 4 }]);
    // The name is looked up once, and the socket connects to that answer.
    expect(looks).toHaveLength(1);
    await refusalOf(() => resolve(lookup, 'rebound.example'));
  });
});

describe('CALLBACK_ALLOW', () => {
  it('allows http, by origin, and names may lead to the addresses that are opened', async () => {
    NAMES.set('hooks.internal', [['10.0.0.7']]);
    const lookup = admit('http://hooks.internal:9000/a', 'http://hooks.internal:9000', '10.0.0.0/8');
    expect(await resolve(lookup, 'hooks.internal')).toEqual([{ address: '10.0.0.7', family: 4 }]);
    await refusalOf(() => admit('http://hooks.internal:9001/', 'http://hooks.internal:9000'));
    expect(() => admit('http://127.0.0.1:9000/', 'http://127.0.0.1:9000')).not.toThrow();
  });

  it.each(CLOSED)('lets no name lead to %s, unless that is opened too', async (address) => {
    NAMES.set('hooks.internal', [['8.8.8.8', address]]);
    const lookup = admit('http://hooks.internal/', 'http://hooks.internal');
    expect(await refusalOf(() => resolve(lookup, 'hooks.internal'))).toMatchObject({
      code: 'target-refused',
      message: expect.stringContaining('TARGET_ADDRESSES_ALLOW'),
    });
  });

  it('that cannot be read stops the worker at its start', async () => {
    const error = await refusalOf(() => new TargetGuard('hooks.internal', new OpenAddresses('')));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(/^CALLBACK_ALLOW: /);
  });
});

describe('a POST', () => {
  let receiver: CallbackReceiver;
  beforeEach(async () => {
    receiver = await startCallbackReceiver();
  });
  afterEach(() => receiver.stop());

  const send = (lookup: LookupFunction) => {
    const url = new URL(`http://hooks.example:${new URL(receiver.origin).port}/`);
    return post({ url, headers: { 'content-length': '2' }, body: '{}', lookup }, IDLE);
  };

  it('connects to the address that was checked, and looks the name up once', async () => {
    NAMES.set('hooks.example', [['127.0.0.1'], ['169.254.169.254']]);
    const opened = `http://hooks.example:${new URL(receiver.origin).port}`;
    expect(await send(admit(`${opened}/`, opened, '127.0.0.1'))).toMatchObject({ status: 204 });
    expect(looks).toHaveLength(1);
    expect(receiver.at('/')[0]?.headers.host).toBe(new URL(opened).host);
  });

  it('does not use a connection that somebody left open, whose address was not checked', async () => {
    const opened = new URL(`http://hooks.example:${new URL(receiver.origin).port}/`);
    NAMES.set('hooks.example', [['127.0.0.1'], ['169.254.169.254']]);
    const { lookup } = await import('node:dns');
    await new Promise((resolve) => {
      http.get(opened, { lookup: lookup as LookupFunction }, (response) =>
        response.resume().on('end', resolve),
      );
    });
    await until('an idle connection', () => Object.keys(http.globalAgent.freeSockets).length > 0);
    const error = await refusalOf(() => send(admit(opened.href, opened.origin, '127.0.0.1')));
    expect(error.code).toBe('target-refused');
    expect(receiver.at('/')).toHaveLength(1);
  });
});
