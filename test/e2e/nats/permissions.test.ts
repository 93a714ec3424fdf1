import { beforeAll, describe, expect, it } from 'vitest';
import { EDGE_PERMISSIONS } from '../../../shared/nats/permissions/edge.ts';
import { type Permission, USER_INFO } from '../../../shared/nats/permissions/permission.ts';
import { neededByWorker } from '../../../shared/nats/permissions/worker.ts';
import { checkPermissions } from '../../../worker-node/broker/permissions/check.ts';
import { type Ended, runLocal } from '../../support/cli/process.ts';
import { metricOf } from '../../support/http/metrics.ts';
import { LimitedUsers, loginOf, NEEDED, permissionOf, ROLES } from '../../support/nats/limited-users.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

let users: LimitedUsers;
let stack: TestStack;

beforeAll(async () => {
  users = await LimitedUsers.start();
  stack = await startTestStack({
    nats: users.nats,
    tracing: false,
    operationsFolder: 'test/fixtures/operations',
    edge: { ...loginOf('edge'), BROKER_TIMEOUT_MS: '2000' },
    worker: { ...loginOf('worker'), WORKER_ACK_WAIT_MS: '1000', WORKER_ANNOUNCE_MS: '500' },
  });
});

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

describe('a worker whose user lacks a permission says so in /readyz, its log and its metrics', () => {
  it.each(neededByWorker(['>']))('$action $subject', async (missing) => {
    await users.take('worker', missing);
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
    await users.take('edge', missing);
    await untilSaid(stack.url, missing);
    await until('the log', () => logged(missing));
    const problems = await metricOf(stack.url, 'throughline_bridge_broker_problems');
    expect(problems).toBe(missing.level === 'breaks' ? 1 : 0);
  });
});

describe('setup --check --as names a permission that is missing', () => {
  const rows = ROLES.flatMap((role) => NEEDED[role].map((missing) => ({ role, ...missing, missing })));
  it.each(rows)('$role: $action $subject', async ({ role, missing }) => {
    await users.take(role, missing);
    // Only one of two permissions is needed: that for one filter, or that for several.
    const operations = neededByWorker(['>']).includes(missing) ? '*' : 'echo,image.*';
    const environment = {
      ...users.environmentOf(role),
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
      runLocal(['setup', '--check', '--as', 'worker'], users.environmentOf('worker'));
    await users.take('worker', permissionOf('worker', '$JS.ACK.JOBS.*.*.*.*.*.*'));
    const checked = await until('the finding', async () => {
      const ended = await check();
      return ended.stderr.includes('$JS.ACK.JOBS.*.*.*.*.*.*') && ended;
    });
    expect(checked.stdout).toBe('permissions of the user of worker: 1 missing\n');
    expect(checked.stderr).toContain(
      'user worker: permission to publish $JS.ACK.JOBS.*.*.*.*.*.* is "missing"',
    );
    expect(checked.stderr).toContain('; allow it to this user, as deploy/nats/permissions.conf does');
    expect(checked.code).toBe(1);
    await users.take('worker');
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
      await users.take('worker');
      await users.take('edge');
      await untilReady();
      const missing = permissionOf('worker', subject);
      await users.take('worker', missing, permissionOf('worker', USER_INFO));
      // The server reloads a moment after the signal. A job that comes before that shows nothing.
      await untilSaid(stack.worker.healthUrl, missing, () => stack.submit({ operation: 'echo', input: 1 }));
    },
  );

  it.each(['jobs.*.*.*.*.>', '$JS.API.STREAM.MSG.GET.EVENTS'])('edge: %s', async (subject) => {
    const missing = permissionOf('edge', subject);
    await users.take('edge', missing, permissionOf('edge', USER_INFO));
    await until('the refusal', async () => {
      await stack.submit({ operation: 'echo', input: 1 }, { 'idempotency-key': `key-${Math.random()}` });
      const { status, text } = await readiness(stack.url);
      return status === 503 && text.includes(`${subject}: `);
    });
  });
});
