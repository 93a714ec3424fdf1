/**
 * Stands for `tweetnacl`, in which `@nats-io/nkeys` signs the login of `NATS_CREDS`. wrangler.toml puts this module in
 * its place: the runtime has Ed25519 itself, and the bundle is 11 KiB smaller. It has only what a login calls.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** A private key of Ed25519 in PKCS #8 is these bytes and the seed (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

interface KeyPair {
  readonly publicKey: Uint8Array;
  /** The seed and the public key, 64 bytes. */
  readonly secretKey: Uint8Array;
}

export default { sign: { keyPair: { fromSeed }, detached } };

/** The key pair of a seed of 32 bytes. */
function fromSeed(seed: Uint8Array): KeyPair {
  const spki = createPublicKey(keyOf(seed)).export({ format: 'der', type: 'spki' });
  const publicKey = new Uint8Array(spki.subarray(-SEED_BYTES));
  return { publicKey, secretKey: Buffer.concat([seed, publicKey]) };
}

/** The signature of a message, 64 bytes. */
function detached(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, keyOf(secretKey.subarray(0, SEED_BYTES))));
}

function keyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
}
