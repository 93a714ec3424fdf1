import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { EDGE_PERMISSIONS } from '../../../shared/nats/permissions/edge.ts';
import type { Permission } from '../../../shared/nats/permissions/permission.ts';
import { SETUP_PERMISSIONS } from '../../../shared/nats/permissions/setup.ts';
import { WORKER_PERMISSIONS } from '../../../shared/nats/permissions/worker.ts';
import { setUpBroker } from '../../../worker-node/broker/setup.ts';
import { doctor, OPTIONS, queued } from '../../support/cli/doctor.ts';
import { runLocal } from '../../support/cli/process.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

it('the doctor names a permission that the user of the workers, or of the edge, lacks', async () => {
  const users = await NatsUsers.start();
  const { stack } = users;
  await users.take('worker', '$JS.API.CONSUMER.MSG.NEXT.JOBS.*');
  await until(
    'the worker to be refused',
    async () => (await fetch(`${stack.worker.healthUrl}/readyz`)).status === 503,
  );
  await until('the requests of the worker for jobs to end', async () => {
    const { stdout } = await runLocal(['groups', 'list', '--json'], users.setup);
    return stdout.includes('"pulls":0');
  });
  const id = await queued(stack);
  const cause = await until('the doctor to see it', async () => {
    const { causes } = await doctor(stack, [id], users.setup);
    return causes.find(({ code }) => code === 'nobody-pulls');
  });
  expect(cause.advice).toContain('throughline setup --check --as worker');
  await users.take('edge', 'jobs.*.*.*.*.>');
  await until('the edge to be refused', async () => (await fetch(`${stack.url}/readyz`)).status === 503);
  const edge = (await doctor(stack, [])).causes.find(({ code }) => code === 'edge-refused-by-nats');
  expect(edge?.evidence.join()).toContain('publish on jobs.*.*.*.*.>');
  expect(edge?.advice).toContain('deploy/nats/permissions.conf');
});

const NEEDED = { worker: WORKER_PERMISSIONS, edge: EDGE_PERMISSIONS, setup: SETUP_PERMISSIONS };
type Role = keyof typeof NEEDED;
const login = (user: string) => ({ NATS_USER: user, NATS_PASSWORD: `${user}-password` });

/** A system whose users have just the permissions that they need, and from which a test takes some. */
class NatsUsers {
  readonly #directory: string;
  readonly stack: TestStack;
  readonly setup: Record<string, string>;

  private constructor(directory: string, stack: TestStack) {
    this.#directory = directory;
    this.stack = stack;
    this.setup = { NATS_URL: stack.nats.url, ...login('setup') };
  }

  static async start(): Promise<NatsUsers> {
    const directory = await mkdtemp(path.join(tmpdir(), 'throughline-doctor-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    await writeUsers(directory);
    const include = `authorization { include "../${path.basename(directory)}/users.conf" }`;
    const nats = await startTestNats({ extraConfig: include });
    onTestFinished(() => nats.stop());
    const environment = { NATS_URL: nats.url, ...login('setup') };
    await setUpBroker({ environment, check: false, replicas: undefined });
    const stack = await withTestStack({
      ...OPTIONS,
      nats,
      edge: login('edge'),
      worker: { ...login('worker'), WORKER_ANNOUNCE_MS: '500', WORKER_ACK_WAIT_MS: '1000' },
    });
    return new NatsUsers(directory, stack);
  }

  /** Takes a permission from a user, by a reload of the server. */
  async take(role: Role, subject: string): Promise<void> {
    await writeUsers(this.#directory, role, subject);
    await this.stack.nats.kill('SIGHUP');
  }
}

async function writeUsers(directory: string, role?: Role, without?: string): Promise<void> {
  const listOf = (user: Role, action: Permission['action']): string =>
    NEEDED[user]
      .filter((permission) => permission.action === action)
      .filter(({ subject }) => user !== role || subject !== without)
      .map(({ subject }) => JSON.stringify(subject))
      .join(', ');
  const users = (Object.keys(NEEDED) as Role[]).map(
    (user) =>
      `{user: ${user}, password: ${user}-password, permissions: {publish: {allow: [${listOf(user, 'publish')}]}, subscribe: {allow: [${listOf(user, 'subscribe')}]}}}`,
  );
  await writeFile(path.join(directory, 'users.conf'), `users: [${users.join('\n')}]`);
}
