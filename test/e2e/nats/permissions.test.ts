import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { EDGE_PERMISSIONS } from '../../../shared/nats/permissions/edge.ts';
import { type Action, type Permission, USER_INFO } from '../../../shared/nats/permissions/permission.ts';
import { SETUP_PERMISSIONS } from '../../../shared/nats/permissions/setup.ts';
import { neededByWorker, WORKER_PERMISSIONS } from '../../../shared/nats/permissions/worker.ts';
import { checkPermissions, type Role } from '../../../worker-node/broker/permissions/check.ts';
import { setUpBroker } from '../../../worker-node/broker/setup.ts';
import { type Ended, runLocal } from '../../support/cli/process.ts';
import { metricOf } from '../../support/http/metrics.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const NEEDED = { worker: WORKER_PERMISSIONS, edge: EDGE_PERMISSIONS, setup: SETUP_PERMISSIONS };
const login = (user: string) => ({ NATS_USER: user, NATS_PASSWORD: `${user}-password` });

let directory: string;
let nats: NatsServer;
let stack: TestStack;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'throughline-users-'));
  await writeUsers();
  nats = await startTestNats({
    extraConfig: `authorization { include "../${path.basename(directory)}/users.conf" }`,
  });
  await setUpBroker({ environment: environmentOf('setup'), check: false, replicas: undefined });
  stack = await startTestStack({
    nats,
    tracing: false,
    operationsFolder: 'test/fixtures/operations',
    edge: { ...login('edge'), BROKER_TIMEOUT_MS: '2000' },
    worker: { ...login('worker'), WORKER_ACK_WAIT_MS: '1000', WORKER_ANNOUNCE_MS: '500' },
  });
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
  await rm(directory, { recursive: true, force: true });
});

function environmentOf(role: Role): Record<string, string> {
  return { NATS_URL: nats.url, ...login(role) };
}

/** Writes the users, each with what it needs. @param without the subjects that one of them is not allowed */
async function writeUsers(role?: Role, without: readonly Permission[] = []): Promise<void> {
  const users = (Object.keys(NEEDED) as Role[]).map((user) => {
    const list = (action: Action): string =>
      NEEDED[user]
        .filter((permission) => permission.action === action)
        .filter((permission) => user !== role || !without.includes(permission))
        .map(({ subject }) => JSON.stringify(subject))
        // An empty list would allow everything.
        .concat('"none"')
        .join(', ');
    const permissions = `{publish: {allow: [${list('publish')}]}, subscribe: {allow: [${list('subscribe')}]}}`;
    return `{user: ${user}, password: ${user}-password, permissions: ${permissions}}`;
  });
  await writeFile(path.join(directory, 'users.conf'), `users: [${users.join('\n')}]`);
}

/** Takes permissions from a user, by a reload of the server. */
async function take(role: Role, ...without: readonly Permission[]): Promise<void> {
  await writeUsers(role, without);
  await nats.kill('SIGHUP');
}

interface Readiness {
  readonly status: number;
  readonly text: string;
}

async function readiness(url: string): Promise<Readiness> {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, text: await response.text() };
}

/** Waits until a side is ready again, or is not, and names a subject. @param use makes the side use its permission */
function untilSaid(
  url: string,
  { subject, level }: Permission,
  use: () => Promise<unknown> = async () => undefined,
): Promise<Readiness> {
  return until(`/readyz to name ${subject}`, async () => {
    await use();
    const seen = await readiness(url);
    return seen.text.includes(`${subject}: `) && seen.status === (level === 'breaks' ? 503 : 200) && seen;
  });
}

async function untilReady(): Promise<void> {
  for (const url of [stack.url, stack.worker.healthUrl])
    await until('readiness', async () => {
      const { status, text } = await readiness(url);
      return status === 200 && !text.includes('NATS does not let');
    });
}

const logged = ({ subject }: Permission): boolean =>
  stack
    .logs()
    .some(({ msg, reason }) => msg === 'permission missing' && String(reason).includes(`${subject}: `));

const permissionOf = (role: Role, subject: string): Permission => {
  const found = NEEDED[role].find((permission) => permission.subject === subject);
  if (found === undefined) throw new Error(`the ${role} needs no ${subject}`);
  return found;
};

describe('a worker whose user lacks a permission says so in /readyz, its log and its metrics', () => {
  it.each(neededByWorker(['>']))('$action $subject', async (missing) => {
    await take('worker', missing);
    await untilSaid(stack.worker.healthUrl, missing);
    await until('the log', () => logged(missing));
    const { healthUrl } = stack.worker;
    const labels = [`action="${missing.action}"`, `subject="${missing.subject}"`];
    expect(
      await metricOf(healthUrl, 'throughline_nats_permissions_missing_total', ...labels),
    ).toBeGreaterThan(0);
  });
});

describe('an edge whose user lacks a permission says so in /readyz, its log and its metrics', () => {
  it.each(EDGE_PERMISSIONS)('$action $subject', async (missing) => {
    await take('edge', missing);
    await untilSaid(stack.url, missing);
    await until('the log', () => logged(missing));
    const problems = await metricOf(stack.url, 'throughline_bridge_broker_problems');
    expect(problems).toBe(missing.level === 'breaks' ? 1 : 0);
  });
});

describe('setup --check --as names a permission that is missing', () => {
  const rows = (Object.keys(NEEDED) as Role[]).flatMap((role) =>
    NEEDED[role].map((missing) => ({ role, ...missing, missing })),
  );
  it.each(rows)('$role: $action $subject', async ({ role, missing }) => {
    await take(role, missing);
    // Only one of two permissions is needed: that for one filter, or that for several.
    const operations = neededByWorker(['>']).includes(missing) ? '*' : 'echo,image.*';
    const environment = {
      ...environmentOf(role),
      ...(role === 'worker' ? { WORKER_OPERATIONS: operations } : {}),
    };
    const said = (): Promise<string[]> =>
      checkPermissions(environment, role).then(
        ({ permissions }) => permissions.map(({ setting }) => setting),
        (thrown: Error) => [thrown.message],
      );
    // The server reloads a moment after the signal.
    await until('the check to name it', async () => {
      const [first = '', ...others] = await said();
      return others.length === 0 && first.includes(missing.subject.replace('.>', ''));
    });
  });

  it('on the command line, with its exit code', async () => {
    const check = (): Promise<Ended> =>
      runLocal(['setup', '--check', '--as', 'worker'], environmentOf('worker'));
    await take('worker', permissionOf('worker', '$JS.ACK.JOBS.*.*.*.*.*.*'));
    const checked = await until('the finding', async () => {
      const ended = await check();
      return ended.stderr.includes('$JS.ACK.JOBS.*.*.*.*.*.*') && ended;
    });
    expect(checked.stdout).toBe('permissions of the user of worker: 1 missing\n');
    expect(checked.stderr).toContain(
      'user worker: permission to publish $JS.ACK.JOBS.*.*.*.*.*.* is "missing"',
    );
    expect(checked.code).toBe(1);
    await take('worker');
    await until('no finding', async () => {
      const { code, stderr } = await check();
      return code === 0 && stderr === '';
    });
  });
});

describe('a user that may not ask what it is allowed learns of a missing permission when it is needed', () => {
  it.each(['$JS.ACK.JOBS.*.*.*.*.*.*', 'events.*.*', '$JS.API.CONSUMER.MSG.NEXT.JOBS.*', '$KV.HOSTS.>'])(
    'worker: %s',
    async (subject) => {
      await take('worker');
      await take('edge');
      await untilReady();
      const missing = permissionOf('worker', subject);
      await take('worker', missing, permissionOf('worker', USER_INFO));
      // The server reloads a moment after the signal. A job that comes before that shows nothing.
      await untilSaid(stack.worker.healthUrl, missing, () => stack.submit({ operation: 'echo', input: 1 }));
    },
  );

  it.each(['jobs.*.*.*.*.>', '$JS.API.STREAM.MSG.GET.EVENTS'])('edge: %s', async (subject) => {
    const missing = permissionOf('edge', subject);
    await take('edge', missing, permissionOf('edge', USER_INFO));
    await until('the refusal', async () => {
      await stack.submit({ operation: 'echo', input: 1 }, { 'idempotency-key': `key-${Math.random()}` });
      const { status, text } = await readiness(stack.url);
      return status === 503 && text.includes(`${subject}: `);
    });
  });
});
