import { request } from 'node:https';
import { type NatsConnection, wsconnect } from '@nats-io/nats-core';
import { type ConnectionOptions, connect, headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import {
  credentials,
  type DeployedNats,
  type DeployedUser,
  startDeployedNats,
} from '../../support/nats/deployed-nats.ts';
import { allowedOf, runSetup, settingsOf, startStackOn } from '../../support/nats/deployed-users.ts';
import { until } from '../../support/poll.ts';

let nats: DeployedNats;
beforeAll(async () => {
  nats = await startDeployedNats();
  await runSetup(nats);
  // Something that strangers might remove: operations, a cancellation, and more events and jobs than they can add.
  const stack = await startStackOn(nats, nats.webSocketUrl, settingsOf('worker', nats));
  try {
    const submitMany = (more = {}): Promise<Response> =>
      stack.call('/v1/jobs/batch', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jobs: Array(20).fill({ operation: 'echo', input: 1, ...more }) }),
      });
    await submitMany();
    const later = await stack.submit({ operation: 'echo', input: 1, delay: '1h' });
    const { id } = Job.parse(await later.json());
    await stack.call(`/v1/jobs/${id}`, { method: 'DELETE' });
    await submitMany({ delay: '1h' });
    await until('the jobs to run', async () => (await messagesIn()).JOBS === 0);
    await stack.worker.stop();
    await submitMany();
  } finally {
    await stack.stop();
  }
});
afterAll(() => nats.stop());

describe('a stranger', () => {
  const FOREIGN = ['>', 'jobs.>', 'dead.>', '_INBOX.>', '$JS.API.>', '$JS.>', '$KV.>', '$SYS.>', 'results.>'];
  const MANAGEMENT = [
    ...['CREATE.MINE', 'UPDATE.JOBS', 'DELETE.JOBS', 'PURGE.JOBS', 'PURGE.EVENTS', 'LIST', 'NAMES'].map(
      (call) => `$JS.API.STREAM.${call}`,
    ),
    ...['SNAPSHOT.JOBS', 'RESTORE.JOBS', 'MSG.DELETE.EVENTS', 'MSG.DELETE.DEAD', 'LEADER.STEPDOWN.JOBS'].map(
      (call) => `$JS.API.STREAM.${call}`,
    ),
    ...['DELETE.JOBS.workers', 'PAUSE.JOBS.workers', 'CREATE.DEAD', 'DURABLE.CREATE.EVENTS.mine'].map(
      (call) => `$JS.API.CONSUMER.${call}`,
    ),
    '$JS.API.META.LEADER.STEPDOWN',
  ];

  it('A24: with the credentials of the edge can do only what the edge does', async () => {
    const connection = await wsconnect({
      servers: nats.webSocketUrl,
      user: 'edge',
      pass: credentials('edge').NATS_PASSWORD,
    });
    onTestFinished(() => connection.close());
    const foreign = [...FOREIGN, 'events.>', '_INBOX_worker.>', '_INBOX_setup.>', 'cancel.>'];
    const results = [
      'results.acme.job',
      'dead.acme.job.echo',
      'due.normal.p3.acme.job.echo',
      'events.acme.job.callback',
    ];
    const takes = ['$JS.API.CONSUMER.MSG.NEXT.JOBS.workers', '$JS.API.CONSUMER.CREATE.JOBS.mine.jobs.>'];
    const settles = ['$JS.ACK.JOBS.workers.1.1.1.1.1', '$KV.OPERATIONS.echo', '_INBOX_worker.1', 'jobs.acme'];
    await expectRefusals('edge', connection, foreign, [...MANAGEMENT, ...results, ...takes, ...settles]);
  });

  it('A24: with the credentials of a worker cannot submit, cancel or remove anything', async () => {
    const connection = await connect(tcp('worker'));
    onTestFinished(() => connection.close());
    const foreign = [...FOREIGN, 'events.>', '_INBOX_edge.>', '_INBOX_setup.>'];
    const jobs = [
      'jobs.normal.p3.acme.job.echo',
      'delayed.normal.p3.acme.job.echo',
      'due.normal.p3.acme.job.echo',
      'cancel.acme.job',
    ];
    const removes = ['$JS.API.STREAM.MSG.DELETE.JOBS', '$JS.API.STREAM.PURGE.DEAD', '_INBOX_edge.1'];
    await expectRefusals('worker', connection, foreign, [...MANAGEMENT, ...jobs, ...removes]);
  });

  it('with the credentials of the edge gets pages of events and dead letters, and of no other stream', async () => {
    const writer = await connect(tcp('worker'));
    onTestFinished(() => writer.close());
    await writer.request('dead.acme.job.echo', 'x', { timeout: 10_000 });
    const connection = await wsconnect({ ...tcp('edge'), servers: nats.webSocketUrl });
    onTestFinished(() => connection.close());
    const page = async (stream: string): Promise<string | undefined> => {
      const query = JSON.stringify({ seq: 1, next_by_subj: '>', batch: 1 });
      const answer = await connection.request(`$JS.API.DIRECT.GET.${stream}`, query, { timeout: 10_000 });
      return answer.headers?.get('Nats-Stream');
    };
    expect([await page('DEAD'), await page('EVENTS')]).toEqual(['DEAD', 'EVENTS']);
    await expect(page('DELAYED')).rejects.toThrow();
  });

  it('with the credentials of setup cannot read or write a message, or delete a stream', async () => {
    const connection = await connect(tcp('setup'));
    onTestFinished(() => connection.close());
    const own = [
      '$JS.API.STREAM.CREATE.MINE',
      '$JS.API.STREAM.UPDATE.JOBS',
      '$JS.API.CONSUMER.DELETE.JOBS.workers',
    ];
    const messages = ['jobs.normal.p3.acme.job.echo', 'events.acme.job', '$JS.API.STREAM.MSG.GET.JOBS'];
    const management = MANAGEMENT.filter((subject) => !own.includes(subject));
    await expectRefusals('setup', connection, [...FOREIGN, '_INBOX_edge.>'], [...management, ...messages]);
  });

  it.each([
    ['worker', '$KV.OPERATIONS.echo', 'KV_OPERATIONS'],
    ['worker', '$KV.HOSTS.x', 'KV_HOSTS'],
    ['worker', 'events.acme.job', 'EVENTS'],
    ['worker', 'dead.acme.job.echo', 'DEAD'],
    ['worker', 'callbacks.acme.job', 'CALLBACKS'],
    ['edge', 'jobs.normal.p3.acme.job.echo', 'JOBS'],
    ['edge', 'events.acme.job', 'EVENTS'],
    ['edge', 'cancel.acme.job', 'CANCELS'],
    ['edge', 'callbacks.acme.job', 'CALLBACKS'],
  ] as const)('cannot, as the user %s, wipe a stream by a roll-up on %s', async (user, subject, stream) => {
    const before = await messagesIn();
    const connection =
      user === 'edge'
        ? await wsconnect({ ...tcp(user), servers: nats.webSocketUrl })
        : await connect(tcp(user));
    onTestFinished(() => connection.close());
    for (const how of ['all', 'sub']) {
      const messageHeaders = headers();
      messageHeaders.set('Nats-Rollup', how);
      const answer = await connection.request(subject, 'x', { headers: messageHeaders, timeout: 10_000 });
      expect(answer.json()).toMatchObject({ error: { description: 'rollup not permitted' } });
    }
    expect((await messagesIn())[stream]).toBe(before[stream]);
  });

  it.each(['edge', 'worker'] as const)(
    'cannot make the server do something that the user %s may not do',
    async (user) => {
      const before = await messagesIn();
      const connection: NatsConnection =
        user === 'edge'
          ? await wsconnect({ ...tcp(user), servers: nats.webSocketUrl })
          : await connect(tcp(user));
      onTestFinished(() => connection.close());
      // NATS does not check reply subjects: the answer to one request could be another request, or a message.
      const requests = [
        '$JS.API.STREAM.PURGE.JOBS',
        '$JS.API.STREAM.PURGE.EVENTS',
        '$JS.API.STREAM.DELETE.CANCELS',
      ];
      const messages =
        user === 'edge'
          ? ['dead.acme.x.echo', '$KV.OPERATIONS.x', 'due.normal.p3.acme.x.echo']
          : ['jobs.normal.p3.acme.x.echo'];
      for (const [index, reply] of [...requests, ...messages].entries()) {
        for (const allowed of await allowedOf(user)) {
          const subject = allowed.replaceAll('*', 'x').replace('>', 'x');
          connection.publish(subject, '{"seq":1}', { reply });
        }
        // NATS does not check the deliver subject of a consumer either.
        const config = { name: `stray-${index}`, deliver_subject: reply, filter_subject: 'events.>' };
        const create = `$JS.API.CONSUMER.CREATE.EVENTS.${config.name}.events.>`;
        if (user === 'edge') connection.publish(create, JSON.stringify({ stream_name: 'EVENTS', config }));
      }
      await connection.flush();
      const after = await messagesIn();
      // What the hosts announced expires by itself, before a slow machine is here.
      const { KV_HOSTS: _, ...lasting } = before;
      for (const [stream, count] of Object.entries(lasting))
        expect([stream, after[stream]]).toEqual([stream, Math.max(count, after[stream] ?? 0)]);
      const untouched = user === 'edge' ? ['DEAD', 'KV_OPERATIONS'] : ['JOBS', 'DELAYED', 'CANCELS'];
      for (const stream of untouched) expect([stream, after[stream]]).toEqual([stream, before[stream]]);
    },
  );

  it('A25: cannot connect as the edge over TCP, without credentials, or with wrong ones', async () => {
    const refused = /authorization violation/i;
    await expect(connect(tcp('edge'))).rejects.toThrow(refused);
    await expect(connect({ ...tcp('worker'), pass: 'wrong' })).rejects.toThrow(refused);
    await expect(connect({ servers: nats.url, reconnect: false })).rejects.toThrow(refused);
    const webSocket = { servers: nats.webSocketUrl, reconnect: false };
    const { NATS_PASSWORD: pass } = credentials('worker');
    await expect(wsconnect(webSocket)).rejects.toThrow(refused);
    await expect(wsconnect({ ...webSocket, user: 'edge', pass: 'wrong' })).rejects.toThrow(refused);
    await expect(wsconnect({ ...webSocket, user: 'worker', pass })).rejects.toThrow(refused);
  });

  it.each([
    ['of another site', 403, 'https://evil.example'],
    ['of this address', 101, 'own'],
    ['that sends no origin, as a Worker,', 101, undefined],
  ])('a page %s gets status %i', async (_, status, origin) => {
    const url = nats.webSocketUrl.replace('wss:', 'https:');
    expect(await upgrade(url, origin === 'own' ? url : origin)).toBe(status);
  });
});

/** How many messages each stream holds; -1: it does not exist. */
async function messagesIn(): Promise<Record<string, number>> {
  const { stdout } = await runSetup(nats, '--check', '--json');
  const { streams } = JSON.parse(stdout) as { streams: { name: string; state: string; messages: number }[] };
  return Object.fromEntries(
    streams.map(({ name, state, messages }) => [name, state === 'missing' ? -1 : messages]),
  );
}

function tcp(user: DeployedUser): ConnectionOptions {
  const inboxPrefix = `_INBOX_${user}`;
  return { servers: nats.url, user, pass: credentials(user).NATS_PASSWORD, reconnect: false, inboxPrefix };
}

/** Checks that each of these is refused: the server's log names it, and the connection stays open. */
async function expectRefusals(
  user: DeployedUser,
  connection: NatsConnection,
  subscriptions: readonly string[],
  publishes: readonly string[],
): Promise<void> {
  const before = (await nats.violations(user)).length;
  for (const subject of subscriptions) connection.subscribe(subject, { callback: () => undefined });
  for (const subject of publishes) connection.publish(subject);
  await connection.flush();
  const refused = (await nats.violations(user)).slice(before);
  expect(refused).toEqual([...subscriptions, ...publishes]);
  expect(connection.isClosed()).toBe(false);
}

/** The status of a WebSocket handshake. */
function upgrade(url: string, origin: string | undefined): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16, 1).toString('base64'),
      ...(origin === undefined ? {} : { origin }),
    };
    const handshake = request(url, { headers });
    handshake.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode);
    });
    handshake.on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    handshake.on('error', reject).end();
  });
}
