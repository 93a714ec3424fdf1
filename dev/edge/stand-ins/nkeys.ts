/**
 * Stands for `@nats-io/nkeys`, with which the NATS client signs the login of `NATS_CREDS`. wrangler.toml puts this module in
 * its place. It has only what a login calls, with the runtime's own Ed25519: the bundle is 15 KiB smaller than with the
 * package and its Ed25519 in JavaScript.
 */
import type { KeyObject } from 'node:crypto';

/** A private key of Ed25519 in PKCS #8 is these bytes and the seed (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const KEY_BYTES = 32;
const CHECKSUM_BYTES = 2;
/** A seed begins with five bits that mark it as one, and eight bits for the kind of its key. */
const MARK_BYTES = 2;
const SEED_MARK = 0b10010;

interface KeyPair {
  /** The public key as text: its kind, the key, and a checksum, in base32. */
  getPublicKey(): string;
  /** The signature of a message, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/**
 * The key pair of a seed as text (`SU…`).
 * @throws Error that begins with `nkeys: ` if it is none. Its message has no part of the seed
 */
export function fromSeed(text: Uint8Array): KeyPair {
  const bytes = fromBase32(new TextDecoder().decode(text));
  const [first = 0, second = 0] = bytes;
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  const isSeed = bytes.length === MARK_BYTES + KEY_BYTES + CHECKSUM_BYTES && first >> 3 === SEED_MARK;
  if (!isSeed) throw new Error('nkeys: invalid seed');
  if (!withChecksum(body).equals(bytes)) throw new Error('nkeys: invalid checksum');
  const kind = ((first & 0b111) << 5) | (second >> 3);
  const key = privateKey(body.subarray(MARK_BYTES));
  return {
    getPublicKey: () => toBase32(withChecksum(Buffer.from([kind, ...publicKey(key)]))),
    sign: (message) => new Uint8Array(nodeCrypto().sign(null, message, key)),
  };
}

/** Bytes as base64. */
export function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** Loaded at a login with `NATS_CREDS` only: each start of the Worker would take 3 ms longer. */
function nodeCrypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}

function privateKey(seed: Uint8Array): KeyObject {
  return nodeCrypto().createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
}

function publicKey(key: KeyObject): Uint8Array {
  return nodeCrypto().createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
}

/** The bytes, and their checksum (CRC-16/XMODEM) in two bytes, the lower one first. */
function withChecksum(bytes: Uint8Array): Buffer {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return Buffer.from([...bytes, crc & 0xff, crc >> 8]);
}

/** Reads base32 without padding (RFC 4648, section 6). @throws Error for other characters */
function fromBase32(text: string): Buffer {
  const bits = [...text].map((character) => {
    const value = BASE32.indexOf(character);
    if (value < 0) throw new Error('nkeys: invalid encoded key');
    return value.toString(2).padStart(5, '0');
  });
  return Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

function toBase32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}
