import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Job } from '../../shared/job.ts';
import { credentials, type DeployedNats, startDeployedNats } from '../support/deployed-nats.ts';
import { until } from '../support/poll.ts';
import type { TestStack } from '../support/stack.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

let nats: DeployedNats;
let stack: TestStack;
beforeAll(async () => {
  nats = await startDeployedNats();
  const made = await setup();
  expect(made).toMatchObject({ code: 0 });
  const { startTestStack } = await import('../support/stack.ts');
  stack = await startTestStack({
    nats: nats.server,
    operationsFolder: 'test/fixtures/operations',
    edge: { NATS_URL: nats.webSocketUrl, ...credentials('edge') },
    worker: {
      NATS_URL: nats.url,
      ...credentials('worker'),
      NODE_EXTRA_CA_CERTS: nats.certificate.certificate,
    },
  });
});
afterAll(async () => {
  await stack?.stop();
  await nats.stop();
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function setup(...args: string[]): Promise<Ended> {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    NATS_URL: nats.url,
    ...credentials('setup'),
    NODE_EXTRA_CA_CERTS: nats.certificate.certificate,
  };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [CLI, 'setup', '--json', ...args],
      { env, timeout: 20_000 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

describe('over TLS, each side as a user of its own', () => {
  it('runs a job', async () => {
    expect(await stack.run('echo', 'hello')).toMatchObject({ state: 'succeeded', result: 'hello' });
    expect(await nats.violations()).toEqual([]);
  });
});
