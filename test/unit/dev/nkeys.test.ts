import { createAccount, createUser, fromPublic, fromSeed as original } from '@nats-io/nkeys';
import { describe, expect, it } from 'vitest';
import { encode, fromSeed } from '../../../dev/edge/stand-ins/nkeys.ts';

const MESSAGE = new TextEncoder().encode('nonce');

describe('the keys of a login', () => {
  it('are those of the package that they stand for', () => {
    for (const pair of Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? createUser() : createAccount()))) {
      const own = fromSeed(pair.getSeed());
      expect(own.getPublicKey()).toBe(pair.getPublicKey());
      expect(fromPublic(own.getPublicKey()).verify(MESSAGE, own.sign(MESSAGE))).toBe(true);
      expect(own.sign(MESSAGE)).toEqual(pair.sign(MESSAGE));
    }
    expect(encode(new Uint8Array([0, 255, 62, 63]))).toBe('AP8+Pw==');
  });

  it('come from a seed only, and an error does not show it', () => {
    const seed = new TextDecoder().decode(createUser().getSeed());
    const last = seed.at(-1) === 'A' ? 'B' : 'A';
    for (const wrong of [
      '',
      'SUCANARY',
      `${seed.slice(0, -4)}${last.repeat(4)}`,
      seed.slice(1),
      'canary!',
      `${seed}AAAAAAAA`,
    ]) {
      const bytes = new TextEncoder().encode(wrong);
      expect(() => original(bytes)).toThrow();
      expect(() => fromSeed(bytes)).toThrow(/^nkeys: [a-z ]+$/);
    }
  });
});
