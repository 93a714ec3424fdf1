import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Cause, CauseCode } from '../../../cli/operate/cause.ts';
import type { Diagnosis } from '../../../cli/operate/diagnosis.ts';
import { EDGE_PERMISSIONS } from '../../../shared/nats/permissions/edge.ts';
import type { Permission } from '../../../shared/nats/permissions/permission.ts';
import { SETUP_PERMISSIONS } from '../../../shared/nats/permissions/setup.ts';
import { WORKER_PERMISSIONS } from '../../../shared/nats/permissions/worker.ts';
import { setUpBroker } from '../../../worker-node/broker/setup.ts';
import { run, runLocal } from '../../support/cli/process.ts';
import { nowhere } from '../../support/cli/servers.ts';
import { entriesOf, KEYS } from '../../support/http/access.ts';
import { readJob, submitJob } from '../../support/jobs.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

const OPTIONS = { operationsFolder: 'test/fixtures/operations', tracing: false };
const SKEWED_CLOCK = fileURLToPath(new URL('../../fixtures/skewed-clock.mjs', import.meta.url));

type Called = Pick<TestStack, 'url' | 'apiKey'>;

/** What the doctor says about a job, or about the system, with the NATS settings and without. */
async function doctor(
  { url, apiKey }: Called,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<Diagnosis & { readonly code: number | null }> {
  const { code, stdout, stderr } = await run({ url, apiKey }, ['doctor', ...args, '--json'], { environment });
  if (stdout === '') throw new Error(stderr);
  return { code, ...(JSON.parse(stdout) as Diagnosis) };
}

/** Expects the first cause to be this one, with evidence and advice, and the exit code of a fault. @returns the cause */
function expectFirst({ code, causes }: Diagnosis & { code: number | null }, wanted: CauseCode): Cause {
  expect({ code, codes: causes.map((one) => one.code) }).toEqual({
    code: 1,
    codes: [wanted, ...causes.slice(1).map((one) => one.code)],
  });
  const [cause] = causes;
  if (cause === undefined) throw new Error('there is no cause');
  expect(cause.evidence.length).toBeGreaterThan(0);
  expect(cause.advice).not.toBe('');
  return cause;
}

async function queued(stack: TestStack, operation = 'echo', input: unknown = 1): Promise<string> {
  return (await submitJob(stack, operation, input)).id;
}

// Each starts a whole system.
describe('the doctor names the cause of a set-up that is broken', { timeout: 90_000 }, () => {
  it('no worker', async () => {
    const stack = await withTestStack(OPTIONS);
    await stack.worker.stop();
    const id = await queued(stack);
    expect(expectFirst(await doctor(stack, [id]), 'no-worker').evidence.join()).toContain(
      '0 worker hosts are alive',
    );
    expectFirst(await doctor(stack, [id], { NATS_URL: stack.nats.url }), 'no-worker');
    expectFirst(await doctor(stack, []), 'no-worker');
    const text = await run(stack, ['doctor', id]);
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(
      /^job \S+, echo: queued\njobs wait.*\(no-worker\)\n {2}0 worker hosts.*\n {2}do: start a worker/m,
    );
  });

  it('a group filter that does not take the operation', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { WORKER_OPERATIONS: 'test.>' } });
    const other = await stack.addWorker({
      WORKER_GROUP: 'echoes',
      WORKER_OPERATIONS: 'echo',
      WORKER_NAME: 'other',
    });
    await other.stop();
    const nats = { NATS_URL: stack.nats.url };
    expect((await runLocal(['groups', 'remove', 'echoes'], nats)).code).toBe(0);
    const id = await queued(stack);
    expect(expectFirst(await doctor(stack, [id], nats), 'no-group').evidence).toContain(
      'the group workers takes test.>',
    );
    expect(expectFirst(await doctor(stack, [id]), 'no-group').evidence.join()).toContain(
      '1 worker hosts are alive, 0 of them can run echo',
    );
  });

  it('paused', async () => {
    const stack = await withTestStack(OPTIONS);
    const nats = { NATS_URL: stack.nats.url };
    const pause = await runLocal(['pause', 'echo', '--by', 'ada', '--reason', 'the store is full'], nats);
    expect(pause.code).toBe(0);
    const id = await queued(stack);
    await until('the edge to know', async () =>
      (await (await stack.call('/v1/operations')).text()).includes('"paused"'),
    );
    for (const environment of [{}, nats]) {
      const cause = expectFirst(await doctor(stack, [id], environment), 'paused');
      expect(cause.evidence.join()).toMatch(/^by ada since .*: the store is full$/);
      expect(cause.advice).toContain('throughline resume echo');
    }
  });

  it('a host that hangs', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { WORKER_ACK_WAIT_MS: '600000' } });
    const nats = { NATS_URL: stack.nats.url };
    process.kill(stack.worker.pid, 'SIGSTOP');
    onTestFinished(() => void process.kill(stack.worker.pid, 'SIGCONT'));
    const id = await queued(stack);
    const found = await until('the doctor to say more than that the job waits', async () => {
      const seen = await doctor(stack, [id], nats);
      return seen.causes[0]?.code !== 'busy' && seen;
    });
    expect(expectFirst(found, 'host-silent').evidence.join()).toContain('1 are under way');
  });

  it('a full stream', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { STREAM_JOBS_BYTES: '1000000' } });
    const nats = { NATS_URL: stack.nats.url };
    const setup = await runLocal(['setup'], { ...nats, STREAM_JOBS_BYTES: '1000000' });
    expect(setup.code).toBe(0);
    await runLocal(['pause', 'echo'], nats);
    for (let n = 0; n < 5; n++) await stack.submit({ operation: 'echo', input: 'x'.repeat(200_000) });
    const seen = await until('the edge to see it', async () => {
      const diagnosis = await doctor(stack, []);
      return diagnosis.causes.length > 0 && diagnosis;
    });
    expect(expectFirst(seen, 'stream-full').cause).toContain('JOBS is nearly full');
    expect(expectFirst(await doctor(stack, [], nats), 'stream-full').evidence.join()).toMatch(
      /of 1000000 bytes/,
    );
  });

  it('a permission that the user of the workers, or of the edge, lacks', async () => {
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

  it('a wrong clock of a worker host', async () => {
    const worker = { NODE_OPTIONS: `--import ${SKEWED_CLOCK}`, SKEW_MS: '600000', WORKER_NAME: 'late' };
    const stack = await withTestStack({ ...OPTIONS, worker });
    const cause = expectFirst(await doctor(stack, [], { NATS_URL: stack.nats.url }), 'clock-wrong');
    expect(cause.cause).toBe('the clock of the worker host late is 600 s ahead');
  });

  it('a dead collector', async () => {
    const dead = await nowhere();
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: dead };
    const stack = await withTestStack({ ...OPTIONS, tracing: true, edge: endpoint, worker: endpoint });
    const { id } = await stack.run('echo', 1);
    const traces = { THROUGHLINE_TRACES_URL: stack.collector.tracesUrl };
    const diagnosis = await until('the edge to notice', async () => {
      const seen = await doctor(stack, [id], traces);
      return seen.causes.some(({ code }) => code === 'collector-dead') && seen;
    });
    expect(diagnosis.causes.map(({ code }) => code)).toEqual([
      'succeeded',
      'collector-dead',
      'spans-missing',
    ]);
    expect(diagnosis.code).toBe(1);
    const own = await doctor(stack, [], endpoint);
    expect(own.causes.map(({ evidence }) => evidence.join()).join()).toContain(`${dead}/v1/traces`);
  });

  it('an edge without NATS', async () => {
    const stack = await withTestStack(OPTIONS);
    await stack.run('echo', 1);
    await stack.nats.stop();
    const id = await queued(stack);
    const cause = expectFirst(await doctor(stack, [id]), 'edge-without-nats');
    expect(cause.evidence.join()).toContain('in the outbox since');
    expectFirst(await doctor(stack, []), 'edge-without-nats');
  });

  it('a key without the scope, and one that is not valid', async () => {
    const stack = await withTestStack({ ...OPTIONS, edge: { API_KEYS: await entriesOf() } });
    const cause = expectFirst(
      await doctor({ url: stack.url, apiKey: KEYS.writer }, ['any-job']),
      'scope-missing',
    );
    expect(cause.evidence.join()).toContain('does not have the scope jobs:read');
    expectFirst(await doctor({ url: stack.url, apiKey: KEYS.writer }, []), 'scope-missing');
    const wrong = { url: stack.url, apiKey: 'tl_ci_0123456789012345678901' };
    expectFirst(await doctor(wrong, ['any-job']), 'key-invalid');
  });

  it('a poison job', async () => {
    const stack = await withTestStack({ ...OPTIONS, worker: { WORKER_ACK_WAIT_MS: '1000' } });
    const { id } = await submitJob(stack, 'test.mode', { mode: 'exit' }, { maxAttempts: 2 });
    await stack.worker.exited;
    const second = await stack.addWorker({ WORKER_NAME: 'second' });
    await second.exited;
    const open = expectFirst(await doctor(stack, [id]), 'poison-job');
    expect(open.evidence.join()).toMatch(/attempt 1 on \S+ began at \S+ and never ended/);
    await stack.addWorker({ WORKER_NAME: 'third' });
    await until('the end', async () => (await readJob(stack, id)).state === 'failed');
    const cause = expectFirst(await doctor(stack, [id]), 'poison-job');
    expect(cause.evidence.join()).toContain('(attempts-spent)');
  });
});

describe('the doctor says so where nothing is wrong', { timeout: 60_000 }, () => {
  it('of the system, of a job that has run, and of one that is delayed', async () => {
    const stack = await withTestStack({ ...OPTIONS, tracing: true });
    const traces = { THROUGHLINE_TRACES_URL: stack.collector.tracesUrl, NATS_URL: stack.nats.url };
    expect(await doctor(stack, [], traces)).toMatchObject({ code: 0, ok: true, causes: [] });
    const done = await stack.run('echo', 1);
    const ended = await until('the whole trace', async () => {
      const seen = await doctor(stack, [done.id], traces);
      return seen.ok && seen;
    });
    expect(ended).toMatchObject({ code: 0, causes: [{ code: 'succeeded' }] });
    const later = await submitJob(stack, 'echo', 1, { delay: '1h' });
    expect(await doctor(stack, [later.id])).toMatchObject({ code: 0, causes: [{ code: 'delayed' }] });
    expect((await run(stack, ['doctor', 'no-such-job'])).code).toBe(2);
  });
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
      ...{ ...OPTIONS, nats, edge: login('edge') },
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
