import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  type Authenticator,
  type ConnectionOptions,
  jwtAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { ThroughlineError } from '../../../shared/errors.ts';
import { loginOf, readCredentials } from '../../../shared/nats/broker-login.ts';
import { fileFault } from '../../../shared/text/file-fault.ts';
import type { WorkerConfig } from '../../config.ts';

/** The settings that say who connects. The URLs may hold a user or a token. */
export type CredentialConfig = Pick<
  WorkerConfig,
  'NATS_URL' | 'NATS_USER' | 'NATS_PASSWORD' | 'NATS_TOKEN' | 'NATS_CREDS_FILE'
>;

/** The options of a connection that say who connects. @throws ThroughlineError `config-invalid` for a bad credentials file */
export async function credentialsOf(config: CredentialConfig): Promise<ConnectionOptions> {
  if (config.NATS_CREDS_FILE !== undefined) return { authenticator: await readCreds(config.NATS_CREDS_FILE) };
  const login = loginOf(config);
  if (login === undefined) return {};
  if ('token' in login) return { token: login.token };
  return { authenticator: usernamePasswordAuthenticator(login.user, login.password) };
}

/**
 * Reads the credentials file, if there is one, without calling NATS.
 * @throws ThroughlineError `config-invalid` if it cannot be read or is not valid
 */
export async function checkCredentials({
  NATS_CREDS_FILE: file,
}: Pick<CredentialConfig, 'NATS_CREDS_FILE'>): Promise<void> {
  if (file !== undefined) await readCreds(file);
}

/** The message does not show the path: it may be the credentials themselves, put into the wrong setting. */
function refuse(why: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('config-invalid', `NATS_CREDS_FILE: ${why}`, { cause });
}

async function readCreds(file: string): Promise<Authenticator> {
  const text = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    throw refuse(`the file cannot be read: ${fileFault({ code: thrown.code })}`);
  });
  let latest = authenticatorOf(text);
  return (nonce) => {
    latest = renewedIn(file) ?? latest;
    return latest(nonce);
  };
}

/**
 * The login that the file holds by now: a JWT that expires is renewed there while the program runs.
 * @returns undefined if the file is gone, is just being written, or is a pipe, which gives what it has once
 */
function renewedIn(file: string): Authenticator | undefined {
  try {
    return statSync(file).isFile() ? authenticatorOf(readFileSync(file, 'utf8')) : undefined;
  } catch {
    return undefined;
  }
}

/** @param text of a credentials file */
function authenticatorOf(text: string): Authenticator {
  const credentials = readCredentials(text);
  if (credentials === undefined) throw refuse('the file does not hold a JWT and a seed');
  const authenticator = jwtAuthenticator(credentials.jwt, Buffer.from(credentials.seed));
  try {
    // It reads the seed when it signs.
    authenticator('a nonce');
  } catch (cause) {
    throw refuse('the seed in the file is not valid', cause);
  }
  return authenticator;
}
