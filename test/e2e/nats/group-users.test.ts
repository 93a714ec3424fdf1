import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runLocal } from '../../support/cli/process.ts';
import { type DeployedNats, startDeployedNats } from '../../support/nats/deployed-nats.ts';
import { runSetup, settingsOf, startStackOn } from '../../support/nats/deployed-users.ts';
import { until } from '../../support/poll.ts';
import type { TestStack } from '../../support/stack.ts';

const GROUP = { user: 'worker-test', pass: 'worker-test-password' };

/** Adds a user for the group `tests`, as deploy/README.md says. */
async function addUser(folder: string, operations: string): Promise<void> {
  const printed = await runLocal(['groups', 'permissions', 'tests', operations], {});
  expect(printed.code).toBe(0);
  // With several filters NATS cannot limit what the group's own consumers take, and the command says so.
  expect(printed.stderr.includes('this user may let the consumers')).toBe(operations.includes(','));
  await writeFile(path.join(folder, 'tests.conf'), printed.stdout);
  const file = path.join(folder, 'accounts.conf');
  const text = await readFile(file, 'utf8');
  const user = `{ user: ${GROUP.user}, password: ${GROUP.pass}, permissions: $TESTS_PERMISSIONS }`;
  const [before, after] = text.split('    imports: $WORKER_IMPORTS');
  expect(after).toBeDefined();
  const account = `    imports: $WORKER_IMPORTS${after}`.replace('users: [', `users: [\n      ${user}`);
  await writeFile(file, `include "tests.conf"\n${before}${account}`);
}

describe.each(['test.>', 'echo,test.>'])('the user of a worker group that takes %s', (operations) => {
  let nats: DeployedNats;
  let stack: TestStack;
  beforeAll(async () => {
    nats = await startDeployedNats((folder) => addUser(folder, operations));
    expect(await runSetup(nats)).toMatchObject({ code: 0 });
    stack = await startStackOn(nats, nats.webSocketUrl, {
      ...settingsOf('worker', nats),
      NATS_USER: GROUP.user,
      NATS_PASSWORD: GROUP.pass,
      WORKER_GROUP: 'tests',
      WORKER_OPERATIONS: operations,
    });
  });
  afterAll(async () => {
    await stack?.stop();
    await nats.stop();
  });

  it('takes, ends and cancels the jobs of its operations, and NATS refuses it nothing', async () => {
    expect(await stack.run('test.mode', { mode: 'done' })).toMatchObject({ state: 'succeeded' });
    expect(await stack.run('test.mode', { mode: 'reject' })).toMatchObject({ state: 'failed' });
    expect(await nats.violations()).toEqual([]);
  });

  it('reaches no job, dead letter, announcement or answer of other groups', async () => {
    const connection = await connect({ servers: nats.url, ...GROUP, inboxPrefix: '_INBOX_worker.tests' });
    onTestFinished(() => connection.close());
    const subscriptions = ['_INBOX_worker.>', '_INBOX_worker.others.>', 'jobs.>'];
    const publishes = [
      '$JS.API.CONSUMER.MSG.NEXT.JOBS.others-normal-p0',
      '$JS.API.CONSUMER.CREATE.JOBS.tests-normal-p0.jobs.normal.p0.*.*.>',
      '$JS.API.CONSUMER.CREATE.JOBS.others-normal-p0.jobs.normal.p0.*.*.test.>',
      '$JS.API.CONSUMER.CREATE.JOBS.others-normal-p0',
      '$JS.API.CONSUMER.DELETE.JOBS.tests-normal-p0',
      '$JS.API.CONSUMER.INFO.JOBS.others-normal-p0',
      '$JS.ACK.JOBS.others-normal-p0.1.1.1.1.1',
      'dead.acme.job.image.resize',
      '$KV.OPERATIONS.image.resize',
      'jobs.normal.p3.acme.job.test.mode',
      'cancel.acme.job',
    ];
    const before = (await nats.violations()).length;
    for (const subject of subscriptions) connection.subscribe(subject, { callback: () => undefined });
    for (const subject of publishes) connection.publish(subject);
    await connection.flush();
    const wanted = [...subscriptions, ...publishes];
    const refused = await until('the refusals', async () => {
      const found = (await nats.violations()).slice(before);
      return found.length >= wanted.length && found;
    });
    expect(refused).toEqual(wanted);
  });
});
