import { nkeys } from '@nats-io/nats-core';

/** A nats-server whose users log in with a signed JWT and a nonce that they sign (NATS "operator mode"). */
export interface Operator {
  /** Lines of the server's configuration: the operator, and its one account. */
  readonly config: string;
  /** The text of a credentials file: the JWT of a user who may do everything in the account, and the seed of its key. */
  readonly credentials: string;
  /** The same, which NATS accepts until a time. @param time in epoch seconds */
  readonly credentialsUntil: (time: number) => string;
}

type KeyPair = ReturnType<typeof nkeys.createUser>;

const NO_LIMITS = { subs: -1, data: -1, payload: -1 };
const ACCOUNT_LIMITS = {
  ...NO_LIMITS,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
  mem_storage: -1,
  disk_storage: -1,
  streams: -1,
  consumer: -1,
};
/** The system account may not use JetStream. */
const NO_JETSTREAM = { mem_storage: 0, disk_storage: 0, streams: 0, consumer: 0 };

/** Makes an operator with new keys (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/jwt). */
export function newOperator(): Operator {
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const user = nkeys.createUser();
  const system = nkeys.createAccount();
  const operatorJwt = jwtOf(operator, operator, { type: 'operator' });
  const accounts = [
    [account, { type: 'account', limits: ACCOUNT_LIMITS }] as const,
    [system, { type: 'account', limits: { ...ACCOUNT_LIMITS, ...NO_JETSTREAM } }] as const,
  ].map(([key, claims]) => `${key.getPublicKey()}: ${jwtOf(operator, key, claims)}`);
  const seed = block('USER NKEY SEED', new TextDecoder().decode(user.getSeed()));
  const credentials = (more = {}): string =>
    block('NATS USER JWT', jwtOf(account, user, { type: 'user', ...NO_LIMITS }, more)) + seed;
  return {
    config: [
      `operator: ${operatorJwt}`,
      `system_account: ${system.getPublicKey()}`,
      `resolver: MEMORY\nresolver_preload: { ${accounts.join(', ')} }`,
    ].join('\n'),
    credentials: credentials(),
    credentialsUntil: (exp) => credentials({ exp }),
  };
}

function jwtOf(issuer: KeyPair, subject: KeyPair, claims: object, more: object = {}): string {
  const payload = {
    jti: crypto.randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    ...more,
    nats: { version: 2, ...claims },
  };
  const signed = [{ typ: 'JWT', alg: 'ed25519-nkey' }, payload]
    .map((part) => base64Url(Buffer.from(JSON.stringify(part))))
    .join('.');
  return `${signed}.${base64Url(Buffer.from(issuer.sign(Buffer.from(signed))))}`;
}

const base64Url = (data: Buffer): string => data.toString('base64url');

const block = (what: string, text: string): string =>
  `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n\n`;
