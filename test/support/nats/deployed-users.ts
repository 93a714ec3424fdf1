import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Ended, runLocal } from '../cli/process.ts';
import type { TestStack } from '../stack.ts';
import { credentials, DEPLOY_FOLDER, type DeployedNats, type DeployedUser } from './deployed-nats.ts';

const OPERATIONS = { operationsFolder: 'test/fixtures/operations' };

/** The settings of a program that connects as a user, over TCP unless its address is another one. */
export function settingsOf(user: DeployedUser, nats: DeployedNats, url = nats.url): Record<string, string> {
  const { workers, edge } = nats.certificates;
  const { certificate } = url.startsWith('wss:') ? edge : workers;
  return { NATS_URL: url, ...credentials(user), NODE_EXTRA_CA_CERTS: certificate };
}

/** Runs `throughline setup` as its user. */
export function runSetup(nats: DeployedNats, ...args: string[]): Promise<Ended> {
  return runLocal(['setup', ...args], settingsOf('setup', nats));
}

/**
 * Starts the whole path, each side as its own user. The stack is imported only here, since workerd trusts the
 * certificates that were known when it was loaded.
 */
export async function startStackOn(
  nats: DeployedNats,
  edgeUrl: string,
  worker: Record<string, string>,
): Promise<TestStack> {
  const { startTestStack } = await import('../stack.ts');
  const edge = { NATS_URL: edgeUrl, ...credentials('edge') };
  return await startTestStack({ ...OPERATIONS, nats: nats.server, edge, worker });
}

/** The subjects that a user may publish on, as permissions.conf lists them. */
export async function allowedOf(user: DeployedUser): Promise<string[]> {
  const text = await readFile(path.join(DEPLOY_FOLDER, 'permissions.conf'), 'utf8');
  const [, block = ''] = text.split(`${user.toUpperCase()}_PERMISSIONS {`);
  const [, list = ''] = /publish \{\s*allow: \[([^\]]*)\]/.exec(block) ?? [];
  return [...list.matchAll(/^\s*"([^"]+)"/gm)].map(([, subject = '']) => subject);
}
