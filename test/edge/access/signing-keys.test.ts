import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fetchKeySet, KeysUnavailable, SigningKeys } from '../../../edge/access/signing-keys.ts';

const MINUTE = 60_000;
const [first, second, rsa] = await Promise.all([jwkOf('ES256'), jwkOf('ES256'), jwkOf('RS256')]);

async function jwkOf(alg: string): Promise<JWK> {
  return await exportJWK((await generateKeyPair(alg, { extractable: true })).publicKey);
}

/** Signing keys with a clock and an issuer that the test controls. */
function setup(...listed: unknown[]) {
  const issuer = { listed, asked: 0, fails: false, gate: Promise.resolve(), clock: 0, waitMs: 0 };
  const keys = new SigningKeys({
    now: () => issuer.clock,
    // Time passes only where the test wants it.
    wait: async () => {
      issuer.clock += issuer.waitMs;
    },
    fetchSet: async () => {
      issuer.asked++;
      const answer = { keys: issuer.listed };
      await issuer.gate;
      if (issuer.fails) throw new Error('HTTP status 500');
      return answer;
    },
  });
  const find = (kid: string | undefined, alg: 'ES256' | 'RS256' | 'ES384' = 'ES256') =>
    keys.find({ alg, kid }, () => undefined);
  return { issuer, find };
}

describe("the issuer's keys", () => {
  it('are fetched at first use, and then kept for ten minutes', async () => {
    const { issuer, find } = setup({ ...first, kid: 'a' });
    const key = await find('a');
    expect(key).toBeDefined();
    issuer.clock = 10 * MINUTE - 1;
    expect(await find('a')).toBe(key);
    expect(issuer.asked).toBe(1);
    issuer.clock = 10 * MINUTE;
    await find('a');
    expect(issuer.asked).toBe(2);
  });

  it('are used for an hour while the issuer fails, and it is asked again every 30 s', async () => {
    const { issuer, find } = setup({ ...first, kid: 'a' });
    await find('a');
    issuer.fails = true;
    issuer.clock = 11 * MINUTE;
    for (let i = 0; i < 10; i++) expect(await find('a')).toBeDefined();
    expect(issuer.asked).toBe(2);
    issuer.clock += 30_000;
    expect(await find('a')).toBeDefined();
    expect(issuer.asked).toBe(3);
    issuer.clock = 60 * MINUTE;
    await expect(find('a')).rejects.toThrow(KeysUnavailable);
  });

  it('are asked for once a second while there are none', async () => {
    const { issuer, find } = setup({ ...first, kid: 'a' });
    issuer.fails = true;
    for (let i = 0; i < 10; i++) await expect(find('a')).rejects.toThrow(KeysUnavailable);
    expect(issuer.asked).toBe(1);
    issuer.fails = false;
    issuer.clock = 1_000;
    expect(await find('a')).toBeDefined();
  });

  it('are fetched again for an unknown key, at most every 30 s, and a withdrawn key is gone', async () => {
    const { issuer, find } = setup({ ...first, kid: 'a' });
    await find('a');
    issuer.listed = [{ ...second, kid: 'b' }];
    expect(await find('b')).toBeUndefined();
    issuer.clock = 30_000;
    expect(await find('b')).toBeDefined();
    expect(await find('a')).toBeUndefined();
    for (let i = 0; i < 10; i++) expect(await find(`made up ${i}`)).toBeUndefined();
    expect(issuer.asked).toBe(2);
  });

  it('are fetched again for a key that cannot be read, so that one that was mended is used', async () => {
    const { issuer, find } = setup({ ...first, kid: 'a', x: 'AA' });
    await expect(find('a')).rejects.toThrow();
    issuer.listed = [{ ...first, kid: 'a' }];
    issuer.clock = 30_000;
    expect(await find('a')).toBeDefined();
    expect(issuer.asked).toBe(2);
  });

  it('are fetched again when the clock was set back', async () => {
    const { issuer, find } = setup({ ...first, kid: 'a' });
    issuer.clock = 60 * MINUTE;
    await find('a');
    issuer.clock = 0;
    issuer.listed = [{ ...second, kid: 'b' }];
    expect(await find('b')).toBeDefined();
    expect(issuer.asked).toBe(2);
  });

  it('are not fetched again for a request whose clock is behind: in a Worker each has its own', async () => {
    const { issuer, find } = setup({ ...first, kid: 'a' });
    issuer.clock = MINUTE;
    await find('a');
    issuer.clock -= 500;
    expect(await find('a')).toBeDefined();
    expect(await find('b')).toBeUndefined();
    expect(issuer.asked).toBe(1);
  });

  it('are fetched once at a time, for all requests that need them', async () => {
    const { issuer, find } = setup({ ...first, kid: 'a' });
    const gate = Promise.withResolvers<void>();
    issuer.gate = gate.promise;
    const many = Promise.all(Array.from({ length: 50 }, () => find('a')));
    gate.resolve();
    expect((await many).every((key) => key !== undefined)).toBe(true);
    expect(issuer.asked).toBe(1);
  });

  it('are fetched no more often for made-up key ids while the issuer is slow: the pause begins with the fetch', async () => {
    const { issuer, find } = setup({ ...first, kid: 'a' });
    await find('a');
    issuer.clock = 31_000;
    const gate = Promise.withResolvers<void>();
    issuer.gate = gate.promise;
    const waiting = Array.from({ length: 300 }, (_, i) => find(`made up ${i}`));
    gate.resolve();
    expect(await Promise.all(waiting)).toEqual(Array(300).fill(undefined));
    expect(issuer.asked).toBe(2);
    issuer.listed = [{ ...second, kid: 'b' }];
    issuer.clock = 31_000 + 29_999;
    expect(await find('made up')).toBeUndefined();
    expect(issuer.asked).toBe(2);
    issuer.clock = 31_000 + 30_000;
    expect(await find('b')).toBeDefined();
    expect(issuer.asked).toBe(3);
  });

  it('are fetched by another request when the first one was cut off, and the later answer is kept', async () => {
    const { issuer, find } = setup({ ...first, kid: 'a' });
    const gate = Promise.withResolvers<void>();
    issuer.gate = gate.promise;
    const cutOff = find('a');
    issuer.gate = Promise.resolve();
    issuer.listed = [{ ...second, kid: 'b' }];
    issuer.waitMs = 20;
    expect(await find('b')).toBeDefined();
    expect([issuer.asked, issuer.clock]).toEqual([2, 4_000]);
    gate.resolve();
    expect(await cutOff).toBeUndefined();
    expect(await find('b')).toBeDefined();
  });
});

describe('a key is not used', () => {
  it.each<[string, Record<string, unknown>]>([
    ['it encrypts', { use: 'enc' }],
    ['it does not verify', { key_ops: ['encrypt'] }],
    ['it is for another algorithm', { alg: 'ES384' }],
    ['it holds a private part', { d: 'AA' }],
    ['it is on another curve', { crv: 'P-384' }],
    ['it is a shared secret', { kty: 'oct', k: 'AAAA' }],
    ['it is of a kind that nobody knows', { kty: 'XYZ' }],
  ])('when %s, but the other keys of its set are', async (_what, changes) => {
    const { find } = setup({ ...first, kid: 'a', ...changes }, 7, null, { ...second, kid: 'b' });
    expect(await find('a')).toBeUndefined();
    expect(await find('b')).toBeDefined();
  });

  it('when the token names no key and several could be meant', async () => {
    const { find } = setup({ ...first, kid: 'a' }, { ...second, kid: 'b' }, { ...rsa, kid: 'c' });
    expect(await find(undefined)).toBeUndefined();
    expect(await find(undefined, 'RS256')).toBeDefined();
  });

  it.each([undefined, null, 7, [], {}, { keys: 7 }, { keys: Array(101).fill({}) }])(
    'when the answer is %j',
    async (answer) => {
      const keys = new SigningKeys({
        now: () => 0,
        wait: async () => undefined,
        fetchSet: async () => answer,
      });
      await expect(keys.find({ alg: 'ES256', kid: 'a' }, () => undefined)).rejects.toThrow(
        'the answer is not a JWK set',
      );
    },
  );
});

describe("the issuer's answer", () => {
  /** Serves it at a free port. @returns its URL */
  async function served(answer: (response: ServerResponse) => void): Promise<string> {
    const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1');
    onTestFinished(() => server.closeAllConnections());
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  }

  it('is read whole, also with a byte order mark and in pieces', async () => {
    const text = JSON.stringify({ keys: [first], note: 'ü'.repeat(10_000) });
    const url = await served((response) => {
      for (const byte of Buffer.from(`\uFEFF${text}`).subarray(0, 20)) response.write(Buffer.of(byte));
      response.end(Buffer.from(`\uFEFF${text}`).subarray(20));
    });
    expect(await fetchKeySet(url)).toEqual(JSON.parse(text));
  });

  it('is not read to its end if it is too large: its callers share the memory with all others', async () => {
    let sent = 0;
    const closed = Promise.withResolvers<void>();
    const url = await served((response) => {
      const piece = Buffer.alloc(65_536, ' ');
      const send = (): void => {
        sent += piece.length;
        response.write(piece, (error) => (error ? undefined : send()));
      };
      response.on('close', closed.resolve);
      send();
    });
    await expect(fetchKeySet(url)).rejects.toThrow('the answer is too large');
    await closed.promise;
    // What the sockets hold is on its way already.
    expect(sent).toBeLessThan(32 * 1_048_576);
  });
});
