import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { beforeAll, expect, it } from 'vitest';
import { atEndOfFile } from '../support/cleanup.ts';
import { readBySystemd } from '../support/deploy/env-files.ts';
import { type RunbookHost, readSteps } from '../support/deploy/runbook.ts';
import { Site } from '../support/deploy/site.ts';
import { SiteCluster } from '../support/deploy/site-cluster.ts';
import { until } from '../support/poll.ts';

// The step `restore` of deploy/README.md after a restore that broke off. Each test goes on where the one before it ended.

const VERSION = '2.14.5';
const MESSAGES = 3;
/** A subject for each stream that has messages. */
const SUBJECTS = {
  CALLBACKS: 'callbacks.acme.a',
  DEAD: 'dead.acme.a',
  EVENTS: 'events.acme.a',
  JOBS: 'jobs.normal.p0.acme.a.echo',
};
/** The consumer of a worker group. */
const GROUP = {
  ...{ durable_name: 'workers', filter_subject: 'jobs.>', ack_policy: AckPolicy.Explicit },
  // In nanoseconds: then an unanswered job is delivered again.
  ack_wait: 1_000_000_000,
};
const STREAMS = Object.keys(SUBJECTS) as (keyof typeof SUBJECTS)[];

let site: Site;
let nats: RunbookHost;
let cluster: SiteCluster;

/** Connects as the operator, who may do everything. */
async function asOperator(): Promise<NatsConnection> {
  const { OPERATOR_PASSWORD: pass = '' } = readBySystemd(await nats.read('/etc/throughline/operator.env'));
  const tls = { caFile: await site.authority() };
  const connection = await connect({ servers: site.addresses([1], 'tls'), user: 'operator', pass, tls });
  atEndOfFile(() => connection.close());
  return connection;
}

/** The servers learn one after the other which of them takes a subject. Until then there is nobody for a message. */
async function publish(connection: NatsConnection, subject: string): Promise<void> {
  for (let n = 1; n <= MESSAGES; n++) {
    const msgID = randomUUID();
    const stored = () => jetstream(connection).publish(subject, `message ${n}`, { msgID });
    await until('the message to be stored', stored);
  }
}

/** How many messages each stream has. */
async function counts(connection: NatsConnection): Promise<Record<string, number>> {
  const { streams } = await jetstreamManager(connection);
  const entries = STREAMS.map(async (name) => [name, (await streams.info(name)).state.messages]);
  return Object.fromEntries(await Promise.all(entries));
}

/** Takes the job that waits longest, and does not answer. @returns how often it has been delivered */
async function deliver(connection: NatsConnection): Promise<number | undefined> {
  const consumer = await jetstream(connection).consumers.get('JOBS', GROUP.durable_name);
  return (await consumer.next())?.info.deliveryCount;
}

/** Begins a restore, and sends nothing of the backup: so the server that takes it gives it up. */
async function breakOff(connection: NatsConnection, stream: string): Promise<void> {
  const backup = await readFile(nats.at(`/var/backups/throughline/${stream}/backup.json`), 'utf8');
  const answer = await connection.request(`$JS.API.STREAM.RESTORE.${stream}`, backup, { timeout: 10_000 });
  expect(answer.json()).toMatchObject({ deliver_subject: expect.any(String) });
}

/** How often a server has given up to restore `EVENTS`. */
async function givenUp(): Promise<number> {
  const logs = await Promise.all(cluster.hosts.map((host) => host.log('nats-server')));
  return logs.join('').split("Stream restore failed for 'THROUGHLINE > EVENTS'").length - 1;
}

const WHOLE = Object.fromEntries(STREAMS.map((name) => [name, MESSAGES]));

beforeAll(async () => {
  site = await Site.make({ version: VERSION }, new Set());
  nats = await site.natsHost(1);
  await nats.step('certificates');
  await nats.step('nats-files');
  await site.fillNats(1);
  await nats.step('nats-start');
  await nats.step('setup');
  // As somebody does who is not sure: the second user takes the place of the first.
  await nats.step('operator');
  await nats.step('operator');
  const connection = await until('the new user', asOperator);
  for (const subject of Object.values(SUBJECTS)) await publish(connection, subject);
  await (await jetstreamManager(connection)).consumers.add('JOBS', GROUP);
  expect(await deliver(connection)).toBe(1);
  await nats.step('backup');
  await nats.step('backup');
  await nats.shell('systemctl stop nats-server && mv /var/lib/nats /var/lib/nats-single');
  cluster = await SiteCluster.make(site);
  await cluster.start();
});

it('a restore that broke off a moment ago does not stop the step, and deletes nothing afterwards', async () => {
  const connection = await asOperator();
  await breakOff(connection, 'EVENTS');
  await nats.step('restore');
  await until('nats-server to give up', async () => (await givenUp()) === 1);
  expect(await nats.step('setup')).toMatch(/^EVENTS +.*3 copies/m);
  expect(await counts(connection)).toEqual(WHOLE);
});

it('a stream that a server made empty after such a restore does not count as restored', async () => {
  const connection = await asOperator();
  await (await jetstreamManager(connection)).streams.delete('EVENTS');
  await breakOff(connection, 'EVENTS');
  await until('nats-server to give up', async () => (await givenUp()) === 2);
  await cluster.restart();
  const again = await asOperator();
  await until('the streams', async () => (await counts(again)).EVENTS === 0);
  await nats.step('restore');
  expect(await counts(again)).toEqual(WHOLE);
});

it('a backup of a cluster is restored too, and a second restore changes nothing', async () => {
  expect(await nats.step('setup')).toMatch(/^EVENTS +.*3 copies/m);
  await nats.step('backup');
  const connection = await asOperator();
  const { streams } = await jetstreamManager(connection);
  for await (const { config } of streams.list()) await streams.delete(config.name);
  await nats.step('restore');
  await publish(connection, SUBJECTS.DEAD);
  expect(await nats.step('restore')).toContain('The stream DEAD is there.');
  expect(await counts(connection)).toEqual({ ...WHOLE, DEAD: 2 * MESSAGES });
});

it('consumers that a restore has left out are restored too, with their counts of deliveries', async () => {
  const connection = await asOperator();
  const { consumers } = await jetstreamManager(connection);
  await consumers.delete('JOBS', GROUP.durable_name);
  await nats.step('restore');
  expect(await deliver(connection)).toBeGreaterThan(1);
  expect(await counts(connection)).toEqual({ ...WHOLE, DEAD: 2 * MESSAGES });
});

it('the step ends before it removes messages that are not in the backup', async () => {
  const connection = await asOperator();
  const { streams } = await jetstreamManager(connection);
  const { config } = await streams.info('CALLBACKS');
  await streams.delete('CALLBACKS');
  await streams.add(config);
  await publish(connection, SUBJECTS.CALLBACKS);
  await expect(nats.step('restore')).rejects.toThrow(
    'The stream CALLBACKS has messages that are not those of the backup',
  );
  expect(await counts(connection)).toEqual({ ...WHOLE, DEAD: 2 * MESSAGES });
});

it('and goes on after one of the two things that it says', async () => {
  const connection = await asOperator();
  const said = await nats.step('restore').catch(String);
  const [, command = ''] = /^- Keep a copy of it, and take the backup: (.+)$/m.exec(said) ?? [];
  const environment = ((await readSteps()).get('restore') ?? '')
    .split('\n')
    .filter((line) => !line.startsWith('deploy'));
  await nats.shell([...environment, command].join('\n'));
  await nats.step('restore');
  expect(await counts(connection)).toEqual({ ...WHOLE, DEAD: 2 * MESSAGES });
  const kept = JSON.parse(await nats.read('/var/backups/throughline-CALLBACKS/backup.json'));
  expect(kept.state.messages).toBe(MESSAGES);
});
