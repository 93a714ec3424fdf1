import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ApiKeyEntry,
  apiKeyId,
  createApiKey,
  equalInConstantTime,
  findApiKey,
  hashApiKey,
  isAccessScope,
} from '../../../../shared/api/access.ts';

async function entryOf(id: string, tenant: string): Promise<{ key: string; entry: ApiKeyEntry }> {
  const key = createApiKey(id);
  return { key, entry: { id, tenant, hash: await hashApiKey(key) } };
}

async function setup() {
  const one = await entryOf('one', 'acme');
  const two = await entryOf('two', 'globex');
  return { one, two, entries: new Map([one, two].map(({ entry }) => [entry.id, entry])) };
}

describe('a new key', () => {
  it('has the form tl_<id>_<256 bits>', () => {
    expect(createApiKey('ci1')).toMatch(/^tl_ci1_[A-Za-z0-9_-]{43}$/);
  });

  it('contains its id, whatever the secret contains', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9]{1,32}$/), (id) => {
        expect(apiKeyId(createApiKey(id))).toBe(id);
      }),
    );
  });

  it('is never the same twice', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => createApiKey('a'))).size).toBe(1_000);
  });
});

describe('a scope', () => {
  it.each([
    'jobs:write',
    'jobs:read',
    'status:read',
    'jobs:write:echo',
    'jobs:write:image.resize',
    'jobs:write:image.*',
  ])('may be %s', (scope) => {
    expect(isAccessScope(scope)).toBe(true);
  });

  it.each([
    'jobs',
    'jobs:write:',
    'jobs:write:*',
    'jobs:write:.*',
    'jobs:write:image.>',
    'jobs:write:image.*.*',
    'jobs:write:Image',
    'jobs:read:echo',
    'constructor',
    7,
  ])('may not be %s', (scope) => {
    expect(isAccessScope(scope)).toBe(false);
  });
});

describe('the hash of a key', () => {
  it('is SHA-256 in hexadecimal', async () => {
    expect(await hashApiKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('finding a key', () => {
  it('gives the entry that it belongs to', async () => {
    const { one, two, entries } = await setup();
    expect(await findApiKey(one.key, entries)).toBe(one.entry);
    expect(await findApiKey(two.key, entries)).toBe(two.entry);
  });

  it('needs only the hash, since no entry holds the key', async () => {
    const { one, entries } = await setup();
    expect(JSON.stringify([...entries.values()])).not.toContain(one.key.slice(7));
  });

  it.each<[string, (keys: { one: string; two: string }) => string]>([
    ['an unknown id', ({ one }) => one.replace('tl_one_', 'tl_nobody_')],
    ['a wrong secret', ({ one }) => `${one.slice(0, -1)}${one.endsWith('A') ? 'B' : 'A'}`],
    ["another entry's secret", ({ two }) => two.replace('tl_two_', 'tl_one_')],
    ['a key cut short', ({ one }) => one.slice(0, -1)],
    ['a key with more behind it', ({ one }) => `${one}A`],
    ['a key with a line feed behind it', ({ one }) => `${one}\n`],
    ['another prefix', ({ one }) => one.replace('tl_', 'sk_')],
    ['an id in other letters', ({ one }) => one.replace('tl_one_', 'tl_ONE_')],
    ['nothing', () => ''],
    ['only zeros, the hash of an unknown id', () => '0'.repeat(64)],
    ['10 kB', () => `tl_one_${'A'.repeat(10_000)}`],
    ['a name of Object', () => `tl_constructor_${'A'.repeat(43)}`],
  ])('gives nothing for %s', async (_what, make) => {
    const { one, two, entries } = await setup();
    expect(await findApiKey(make({ one: one.key, two: two.key }), entries)).toBeUndefined();
  });

  it('gives nothing if there are no entries', async () => {
    expect(await findApiKey(createApiKey('one'), new Map())).toBeUndefined();
  });
});

describe('comparing in constant time', () => {
  it('tells equal texts from others', () => {
    const hex = fc.stringMatching(/^[0-9a-f]{0,8}$/);
    fc.assert(
      fc.property(hex, hex, fc.string({ unit: 'binary' }), (a, b, any) => {
        expect(equalInConstantTime(a, b)).toBe(a === b);
        expect(equalInConstantTime(any, any)).toBe(true);
      }),
    );
  });

  it.each([0, 31, 63])('finds a difference at place %i', (place) => {
    const text = 'a'.repeat(64);
    expect(equalInConstantTime(text, `${text.slice(0, place)}b${text.slice(place + 1)}`)).toBe(false);
  });
});
