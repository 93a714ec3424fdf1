import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NatsCluster } from '../../../dev/nats-server/cluster.ts';
import type { WorkerProcess } from '../../../dev/worker/start.ts';
import { JobHistory } from '../../../shared/api/answers/job-history.ts';
import { JobPage } from '../../../shared/api/answers/job-list.ts';
import { Job } from '../../../shared/job/job.ts';
import { PRIORITIES, type Priority } from '../../../shared/job/priority.ts';
import { DELAY_SINCE, isAtLeastVersion } from '../../../shared/nats/server-version.ts';
import { streamDefinitions } from '../../../shared/nats/streams.ts';
import { BROKER_TRACES, subjectMatches } from '../../../shared/wire/subjects.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { type Ended, runLocal } from '../../support/cli/process.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { type CallbackReceiver, startCallbackReceiver } from '../../support/http/callback-receiver.ts';
import { allOf, connectEvents } from '../../support/http/event-source.ts';
import {
  credentials,
  DEPLOY_FOLDER,
  type DeployedNats,
  type DeployedUser,
  deployedConfig,
  deployedEnvironment,
  startDeployedNats,
} from '../../support/nats/deployed-nats.ts';
import { allowedOf, runSetup, settingsOf, startStackOn } from '../../support/nats/deployed-users.ts';
import { startTestCluster, testNatsBinary } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { problemOf, type TestStack } from '../../support/stack.ts';

const canDelay = isAtLeastVersion(testNatsBinary().version, DELAY_SINCE);
const STREAMS = streamDefinitions(1, canDelay).map(({ name }) => name);

let nats: DeployedNats;
let directory: string;
beforeAll(async () => {
  directory = await scratchFolder();
  nats = await startDeployedNats();
});
afterAll(() => nats.stop());

/** The settings of a program that connects over TCP. */
const settings = (user: DeployedUser, url?: string): Record<string, string> => settingsOf(user, nats, url);
const setup = (...args: string[]): Promise<Ended> => runSetup(nats, ...args);
const startDeployedStack = (edgeUrl: string, worker: Record<string, string>): Promise<TestStack> =>
  startStackOn(nats, edgeUrl, worker);

describe('the committed configurations', () => {
  it.each(['single.conf', 'cluster.conf'])('%s is accepted by nats-server -t', async (file) => {
    const place = { port: 1, webSocketPort: 2, storeDir: directory, portsDir: directory };
    const node = { name: 'nats-1', clusterPort: 3, monitorPort: 4, routes: ['nats-route://a:1', 'b', 'c'] };
    const env = deployedEnvironment({ ...place, ...node }, nats.certificates);
    const output = await new Promise<string>((resolve) => {
      const args = ['-t', '-c', path.join(DEPLOY_FOLDER, file)];
      execFile(testNatsBinary().path, args, { env }, (_error, _stdout, stderr) => resolve(stderr));
    });
    expect(output).toContain('is valid');
  });

  it('hold no secret, and name in nats.env.example every variable that they take', async () => {
    const read = (file: string): Promise<string> => readFile(path.join(DEPLOY_FOLDER, file), 'utf8');
    const files = ['single.conf', 'cluster.conf', 'server.conf', 'accounts.conf', 'permissions.conf'];
    const text = (await Promise.all(files.map(read))).join('\n');
    const taken = new Set([...text.matchAll(/\$(NATS_[A-Z_0-9]+)/g)].map(([, name]) => name));
    const example = await read('nats.env.example');
    expect([...taken].filter((name) => !new RegExp(`^${name}=`, 'm').test(example))).toEqual([]);
    for (const [line] of text.matchAll(/^.*password.*$/gm)) expect(line).toMatch(/\$NATS_|#/);
    expect(example).toMatch(/^NATS_EDGE_PASSWORD=$/m);
    expect(text).toContain('sync_interval: always');
    expect(text).not.toMatch(/^\s*(no_auth_user|allow_responses|no_tls)\b/m);
  });

  it.each(['edge', 'worker'] as const)(
    'import for the user %s exactly what it is permitted',
    async (user) => {
      const text = await readFile(path.join(DEPLOY_FOLDER, 'imports.conf'), 'utf8');
      const [, list = ''] = new RegExp(`${user.toUpperCase()}_IMPORTS \\[([^\\]]*)\\]`).exec(text) ?? [];
      const imported = [...list.matchAll(/service: .*subject: "([^"]+)"/g)].map(([, subject]) => subject);
      // Every account has the subjects of the server itself, and traces of its own.
      const ofAccount = (subject: string): boolean =>
        subject.startsWith('$SYS.') || subject === BROKER_TRACES;
      const allowed = (await allowedOf(user)).filter((subject) => !ofAccount(subject));
      // The server wants an account to import this, even if its user does not ask for it.
      const isOptional = (subject: string | undefined): boolean => subject === '$JS.API.INFO';
      expect(imported.filter((subject) => !isOptional(subject))).toEqual(
        allowed.filter((subject) => !isOptional(subject)),
      );
    },
  );
});

describe('throughline setup', () => {
  it('checks, creates, and finds what it created', async () => {
    const before = await setup('--check', '--json');
    expect(before.code).toBe(1);
    expect(statesOf(before)).toEqual(STREAMS.map(() => 'missing'));
    const worker = await runLocal(['worker'], { ...settings('worker'), HEALTH_PORT: '0' });
    expect(worker.stderr).toContain(`stream ${STREAMS[0]}: it is not there, and this user may not create it`);
    expect(worker.code).toBeGreaterThan(0);
    const made = await setup();
    expect(made).toMatchObject({ code: 0 });
    expect(made.stdout).toMatch(/^JOBS +created +0 messages, 1 copy$/m);
    expect(made.stderr).toContain('sync_interval: always');
    const after = await setup('--check', '--json');
    expect(after).toMatchObject({ code: 0, stderr: '' });
    expect(statesOf(after)).toEqual(STREAMS.map(() => 'found'));
    // NATS refused only what the worker tried above.
    expect(await nats.violations()).toEqual([`$JS.API.STREAM.CREATE.${STREAMS[0]}`]);
  });
});

function statesOf({ stdout }: Ended): string[] {
  const report = JSON.parse(stdout) as { streams: { state: string }[] };
  return report.streams.map(({ state }) => state);
}

describe('the whole API, over TLS, each side as a user with only the permissions that it needs', () => {
  let stack: TestStack;
  let receiver: CallbackReceiver;
  let refusedBefore: string[];
  /** The worker that lives after the first one was killed. */
  let second: WorkerProcess;
  beforeAll(async () => {
    refusedBefore = await nats.violations();
    receiver = await startCallbackReceiver();
    await fillBuckets();
    stack = await startDeployedStack(nats.webSocketUrl, {
      ...settings('worker'),
      WORKER_ACK_WAIT_MS: '1500',
      WORKER_STOP_TIMEOUT_MS: '200',
      WORKER_ANNOUNCE_MS: '300',
      CALLBACK_ALLOW: receiver.origin,
    });
  });
  afterAll(async () => {
    await stack?.stop();
    await receiver.stop();
  });

  /** So much that NATS waits for answers to its flow control, before the edge has read both buckets. */
  const fillBuckets = async (): Promise<void> => {
    const connection = await connect({
      servers: nats.url,
      user: 'worker',
      pass: credentials('worker').NATS_PASSWORD,
      inboxPrefix: '_INBOX_worker',
    });
    for (const bucket of ['OPERATIONS', 'HOSTS']) {
      for (let n = 0; n < 8; n++) {
        await jetstream(connection).publish(`$KV.${bucket}.large-${n}`, 'x'.repeat(600_000));
      }
    }
    await connection.close();
  };

  const mode = async (input: Record<string, unknown>, more = {}): Promise<Job> =>
    Job.parse(await (await stack.submit({ operation: 'test.mode', input, ...more })).json());
  const inState = (state: Job['state'], { id }: Pick<Job, 'id'>): Promise<Job> =>
    until(`job ${id} to be ${state}`, async () => {
      const job = Job.parse(await (await stack.call(`/v1/jobs/${id}`)).json());
      return job.state === state && job;
    });
  const callback = (place: string) => ({ callback: { url: `${receiver.origin}${place}` } });
  const cancel = async ({ id }: Pick<Job, 'id'>): Promise<unknown> => {
    const headers = { prefer: 'wait=20' };
    const response = await stack.call(`/v1/jobs/${id}`, { method: 'DELETE', headers });
    return await response.json();
  };
  const post = async (url: string, body: unknown): Promise<Response> =>
    await stack.call(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('submits, waits, retries, delays, and accepts batches', async () => {
    expect(await stack.run('echo', 'hello')).toMatchObject({ state: 'succeeded', result: 'hello' });
    expect(await stack.run('test.limited', 1)).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(await stack.run('test.mode', { mode: 'retry-after' })).toMatchObject({ attempt: 2 });
    const key = { 'idempotency-key': 'once' };
    const first = await stack.submit({ operation: 'echo', input: 1 }, key);
    const second = await stack.submit({ operation: 'echo', input: 1 }, key);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(Job.parse(await second.json()).id).toBe(Job.parse(await first.json()).id);
    const later = await stack.submit({ operation: 'echo', input: 1, delay: '300ms' });
    if (canDelay) await inState('succeeded', Job.parse(await later.json()));
    else expect(await problemOf(later)).toMatchObject({ status: 501, code: 'delay-unsupported' });
    const batch = await post('/v1/jobs/batch', { jobs: Array(5).fill({ operation: 'echo', input: 1 }) });
    expect(batch.status).toBe(207);
    expect((await stack.call('/v1/operations')).status).toBe(200);
    expect((await stack.submit({ operation: 'no.such', input: 1 })).status).toBe(422);
    expect((await stack.call('/readyz')).status).toBe(200);
    expect((await stack.call('/v1/jobs/no-such-job')).status).toBe(404);
  });

  it('gives the events of a job, as history and live', async () => {
    const gate = path.join(directory, 'gate');
    const job = await mode({ mode: 'slow', effects: gate });
    const kinds = (await allOf(await connectEvents(stack, job.id))).map(({ kind }) => kind);
    expect(kinds).toEqual(['started', 'progress', 'succeeded']);
    const { events } = await bodyOf(JobHistory, stack.call(`/v1/jobs/${job.id}/events`));
    expect(events.map(({ kind }) => kind)).toEqual(kinds);
  });

  it('lists jobs', async () => {
    const { id } = await stack.run('echo', 'listed');
    await until('the list to hold the job', async () => {
      const page = await bodyOf(JobPage, stack.call('/v1/jobs?state=succeeded'));
      return page.jobs.some((job) => job.id === id);
    });
  });

  it('cancels a job that is running, waits for a retry, or is delayed', async () => {
    const running = await mode({ mode: 'hang' });
    await inState('running', running);
    expect(await cancel(running)).toMatchObject({ state: 'cancelled' });
    const retrying = await mode({ mode: 'retry-later', ms: 60_000 });
    await inState('retrying', retrying);
    expect(await cancel(retrying)).toMatchObject({ state: 'cancelled' });
    if (!canDelay) return;
    const delayed = await mode({ mode: 'done' }, { delay: '1h' });
    expect(await cancel(delayed)).toMatchObject({ state: 'cancelled' });
  });

  it('lists, shows and redrives dead letters', async () => {
    const gate = path.join(directory, 'shut');
    await writeFile(gate, '');
    const job = await mode({ mode: 'fail-while', gate }, { maxAttempts: 1 });
    await inState('failed', job);
    expect((await stack.call('/v1/dead-letters')).status).toBe(200);
    expect((await stack.call(`/v1/dead-letters/${job.id}`)).status).toBe(200);
    await rm(gate);
    expect((await post(`/v1/dead-letters/${job.id}/redrive`, {})).status).toBe(202);
    await inState('succeeded', job);
    expect((await stack.call(`/v1/dead-letters/${job.id}`)).status).toBe(404);
    expect((await post('/v1/dead-letters/redrive', {})).status).toBe(200);
  });

  it('runs a job again whose worker was killed, and cancels one that no worker has', async () => {
    const effects = path.join(directory, 'killed');
    const job = await mode({ mode: 'hang-once', effects });
    await until('the attempt', async () => (await readFile(effects, 'utf8').catch(() => '')) !== '');
    await stack.worker.kill('SIGKILL');
    const queued = await mode({ mode: 'done' }, callback('/cancelled'));
    expect(await cancel(queued)).toMatchObject({ state: 'cancelled' });
    second = await stack.addWorker();
    expect(await inState('succeeded', job)).toMatchObject({ attempt: 2 });
  });

  it('sends a callback at the end of a job, whether a worker or the edge ended it', async () => {
    await mode({ mode: 'done' }, callback('/done'));
    for (const place of ['/done', '/cancelled']) {
      await until(`the callback at ${place}`, () => receiver.at(place).length > 0);
    }
    await until('the last word to be recorded', async () => {
      const said = [...(await nats.published('worker'))].filter((subject) => subject.endsWith('.callback'));
      return said.length === 2;
    });
  });

  it('pauses and resumes an operation', async () => {
    for (const command of ['pause', 'resume'])
      expect(await runLocal([command, 'test.mode'], settings('setup'))).toMatchObject({ code: 0 });
    await inState('succeeded', await mode({ mode: 'done' }));
  });

  it('names the group that is in the way of another one, and lists, renames and removes groups', async () => {
    const other = { ...settings('worker'), HEALTH_PORT: '0', WORKER_GROUP: 'other' };
    const refused = await runLocal(['worker'], other);
    expect(refused.stderr).toContain('the group "workers", which takes ">"');
    const list = await runLocal(['worker'], { ...other, WORKER_OPERATIONS: 'echo,image.*' });
    expect(list.stderr).toContain(
      'WORKER_GROUP "other" with WORKER_OPERATIONS "echo,image.>" is in the way of',
    );
    const groups = (...args: string[]): Promise<Ended> => runLocal(['groups', ...args], settings('setup'));
    expect((await groups('list')).stdout).toMatch(/^workers +> /m);
    await second.stop();
    // Its first worker was killed, and counts as alive for a while.
    expect((await groups('move', 'workers', 'images')).code).toBe(2);
    expect(await groups('move', 'workers', 'images', '--force')).toMatchObject({ code: 0, stderr: '' });
    const several = await groups('move', 'images', 'images', '--operations', 'echo,image.*');
    expect(several).toMatchObject({ code: 0, stderr: '' });
    expect(await groups('remove', 'images')).toMatchObject({ code: 0, stderr: '' });
  });

  it('says that no host serves the operation of a job', async () => {
    await until('the sign', async () => (await mode({ mode: 'done' })).served === false);
  });

  it('and NATS refused none of these requests', async () => {
    expect(await nats.violations()).toEqual(refusedBefore);
  });

  /** Permissions that the tests above do not use: traces, on which only the server publishes, and changes of a stream. */
  const UNREACHED: Readonly<Record<string, readonly string[]>> = {
    edge: [BROKER_TRACES],
    worker: [BROKER_TRACES],
    setup: ['$JS.API.STREAM.UPDATE.*'],
  };
  /** Whether only another nats-server needs a permission: one that can delay, or writes acks in the other form. */
  const isForOthers = (allowed: string): boolean =>
    (!canDelay && /delayed/i.test(allowed)) ||
    (/^\$JS\.(ACK|FC)\./.test(allowed) && isLongForm(allowed) !== (testNatsBinary().hasLongAcks === true));
  const isLongForm = (allowed: string): boolean => /^\$JS\.\w+\.\*\.\*\./.test(allowed);

  it.each(['edge', 'worker', 'setup'] as const)('needed every permission of the user %s', async (user) => {
    const unreached = UNREACHED[user] ?? [];
    const unused = async (): Promise<string[]> => {
      const published = [...(await nats.published(user))];
      return (await allowedOf(user)).filter(
        (allowed) => !isForOthers(allowed) && !published.some((subject) => subjectMatches(allowed, subject)),
      );
    };
    // Acks are sent without waiting, so the last ones may still be under way.
    await until('the last messages', async () => (await unused()).length <= unreached.length);
    expect(await unused()).toEqual(unreached);
  });
});

describe('the cluster of cluster.conf', () => {
  /** Longer than a test waits: a message that was given to nobody comes too late. */
  const ACK_WAIT_MS = '600000';
  let cluster: NatsCluster;
  let stack: TestStack;
  let worker: Record<string, string>;
  beforeAll(async () => {
    cluster = await startTestCluster({
      configure: (node, folder) => deployedConfig('cluster.conf', node, folder, nats.certificates),
      client: { user: 'setup', pass: credentials('setup').NATS_PASSWORD, inboxPrefix: '_INBOX_setup' },
    });
    const servers = cluster.nodes.map(({ server }) => server);
    // The first server of each list is away.
    const url = ['tls://127.0.0.1:1', ...servers.map((server) => server.url.replace('nats:', 'tls:'))].join();
    const edgeUrl = [
      'wss://127.0.0.1:1',
      ...servers.map((server) => server.webSocketUrl.replace('ws:', 'wss:')),
    ].join();
    const made = await runLocal(['setup', '--json'], settings('setup', url));
    expect(made.code).toBe(0);
    const report = JSON.parse(made.stdout) as { server: unknown; streams: { replicas: number }[] };
    expect(report.server).toMatchObject({ clustered: true });
    expect(report.streams.map(({ replicas }) => replicas)).toEqual(STREAMS.map(() => 3));
    worker = { ...settings('worker', url), WORKER_CONCURRENCY: '1', WORKER_ACK_WAIT_MS: ACK_WAIT_MS };
    stack = await startDeployedStack(edgeUrl, worker);
  });
  afterAll(async () => {
    await stack?.stop();
    await cluster?.stop();
  });

  const submit = async (priority: Priority, operation = 'echo', input: unknown = null): Promise<Job> => {
    const answer: unknown = await (await stack.submit({ operation, input, priority })).json();
    const job = Job.safeParse(answer);
    if (!job.success) throw new Error(`the edge took no job: ${JSON.stringify(answer)}`);
    return job.data;
  };
  /** Waits for longer than a request can: a cluster under load needs its time. */
  const succeeded = ({ id }: Job): Promise<true> =>
    until('the job to succeed', async () => {
      const response = await stack.call(`/v1/jobs/${id}`);
      return response.ok && Job.parse(await response.json()).state === 'succeeded';
    });
  const oneOfEachPriority = async (): Promise<void> => {
    const jobs = await Promise.all(PRIORITIES.map((priority) => submit(priority)));
    await Promise.all(jobs.map(succeeded));
  };

  it('runs jobs through a list of its servers', oneOfEachPriority);

  it.each([
    ['high', 'normal'],
    ['normal', 'low'],
    ['low', 'high'],
  ] as const)('leaves no job with a host whose slots are full: %s, then %s', async (first, second) => {
    const effects = path.join(directory, `effects-${first}`);
    const gate = path.join(directory, `gate-${first}`);
    const held = await submit(first, 'test.late', { ms: 0, gate, effects });
    const began = await until('the job to run', () => existsSync(effects) && Date.now());
    await until('the host to be full for a while', () => Date.now() - began > 1_000);
    const waiting = await submit(second);
    await writeFile(gate, '');
    await Promise.all([held, waiting].map(succeeded));
  });

  it('leaves no job with a host that has stopped', async () => {
    await stack.worker.stop();
    await stack.addWorker({ ...worker, WORKER_NAME: 'second' });
    await oneOfEachPriority();
  });

  it('runs jobs when a leader was killed', async () => {
    await cluster.killLeader('JOBS');
    await oneOfEachPriority();
  });
});
