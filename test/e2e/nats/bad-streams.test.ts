import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { consumerDefinition, streamDefinitions } from '../../../shared/nats/streams.ts';
import { ensureConsumer, ensureStreams } from '../../../worker-node/broker/provision.ts';
import { type SetupReport, setUpBroker } from '../../../worker-node/broker/setup.ts';
import { BAD_CONSUMERS, BAD_STREAMS, type BadStream } from '../../support/nats/bad-settings.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';

const CAP = 100_000_000;
const DEFINITIONS = streamDefinitions(1, true, { jobs: CAP, delayed: CAP, tenant: CAP });
const PAUSED_UNTIL = '2100-01-01T00:00:00Z';
const SILENT = { warn: () => undefined };
const GROUP = { name: 'workers', filters: ['jobs.>'], ackWaitMs: 30_000, maxAckPending: 1_000 };

let nats: NatsServer;
let connection: NatsConnection;
let manager: JetStreamManager;
beforeAll(async () => {
  nats = await startTestNats();
  connection = await connect({ servers: nats.url });
  manager = await jetstreamManager(connection);
});
afterEach(async () => {
  for await (const { config } of manager.streams.list()) await manager.streams.delete(config.name);
});
afterAll(async () => {
  await connection.close();
  await nats.stop();
});

/** Makes all streams as defined, except one. */
async function make({ stream, config, update }: BadStream): Promise<void> {
  for (const definition of DEFINITIONS) {
    const wanted = { ...definition, ...(definition.name === stream && update !== true ? config : {}) };
    // The server removes the files of a deleted stream a moment later, and cannot make it again before that.
    await until(`the stream ${definition.name}`, () => manager.streams.add(wanted as never));
  }
  if (update !== true) return;
  const { config: now } = await manager.streams.info(stream);
  await manager.streams.update(stream, { ...now, ...config });
}

/** Gives a stream the settings that it should have. @returns whether the server does that */
async function changes({ stream, config }: BadStream): Promise<boolean> {
  const definition = DEFINITIONS.find(({ name }) => name === stream);
  const unset = Object.fromEntries(Object.keys(config).map((setting) => [setting, undefined]));
  return await manager.streams.update(stream, { ...unset, ...definition } as never).then(
    () => true,
    () => false,
  );
}

function setUp(check: boolean): Promise<SetupReport> {
  return setUpBroker({
    environment: {
      NATS_URL: nats.url,
      STREAM_JOBS_BYTES: String(CAP),
      STREAM_DELAYED_BYTES: String(CAP),
      // One tenant may have half of it.
      STREAM_STORE_BYTES: String(2 * CAP),
    },
    check,
    replicas: undefined,
  });
}

/** Sets up the streams as a starting worker does. @returns why it refuses to start, and its warnings */
async function start(): Promise<{ refusal: string; warnings: string[] }> {
  const warnings: string[] = [];
  const log = { warn: (...args: unknown[]) => void warnings.push(String(args[1])) };
  const refusal = await ensureStreams(manager, DEFINITIONS, log as never).then(
    () => '',
    (thrown: Error) => thrown.message,
  );
  return { refusal, warnings };
}

describe('a stream that nats-server holds with', () => {
  const rows = BAD_STREAMS.filter(({ notHere }) => notHere !== true);
  it.each(rows)(
    'N11: $setting of $stream as $config is named, and mended if nothing is lost by that',
    async (row) => {
      await make(row);
      const checked = await setUp(true);
      expect(checked.ok).toBe(row.weakens === true);
      const { findings } = checked.streams.find(({ name }) => name === row.stream) ?? {};
      const found = findings?.find(({ setting }) => setting === row.setting);
      expect(found).toBeDefined();
      const sentence = `stream ${row.stream}: ${row.setting} is `;
      if (found?.fix !== 'setup') {
        const { refusal, warnings } = await start();
        if (row.weakens === true) expect(warnings.join()).toContain(sentence);
        else expect(refusal).toContain(sentence);
      }
      const after = await setUp(false);
      const left = after.streams.flatMap((stream) => stream.findings.map(({ setting }) => setting));
      if (found?.fix === 'setup') expect({ ok: after.ok, left }).toEqual({ ok: true, left: [] });
      else expect(left).toContain(row.setting);
      if (found?.fix === 'edit') expect(await changes(row)).toBe(true);
      // A mirror would become a stream of its own, full of messages of another one.
      if (found?.fix === 'recreate' && row.setting !== 'mirror') expect(await changes(row)).toBe(false);
    },
  );
});

describe('a consumer that nats-server holds with', () => {
  const rows = BAD_CONSUMERS.filter(({ notHere, weakens }) => notHere !== true && weakens !== true);
  it.each(rows)('$setting as $config prevents the start of its group', async ({ setting, config }) => {
    await setUp(false);
    const definition = consumerDefinition(GROUP);
    await manager.consumers.add('JOBS', { ...definition, ...config } as never);
    await expect(ensureConsumer({ connection, manager }, 'JOBS', definition, SILENT)).rejects.toThrow(
      `consumer workers of JOBS: ${setting} is `,
    );
  });
});

it('a consumer that nats-server refuses for a limit of its own is named with the reason', async () => {
  await setUp(false);
  const { config } = await manager.streams.info('JOBS');
  await manager.streams.update('JOBS', { ...config, consumer_limits: { max_ack_pending: 100 } });
  const said = (what: string) =>
    `consumer workers of JOBS: the server does not ${what} it: consumer max ack pending exceeds system limit of 100`;
  const ensure = (maxAckPending: number) =>
    ensureConsumer({ connection, manager }, 'JOBS', consumerDefinition({ ...GROUP, maxAckPending }), SILENT);
  await expect(ensure(1_000)).rejects.toMatchObject({ code: 'config-invalid', message: said('create') });
  await ensure(100);
  await expect(ensure(1_000)).rejects.toMatchObject({ code: 'config-invalid', message: said('update') });
});

it('a consumer that is paused does not prevent the start of its group, and the log and setup say until when', async () => {
  await setUp(false);
  const definition = consumerDefinition(GROUP);
  await manager.consumers.add('JOBS', definition as never);
  await manager.consumers.pause('JOBS', GROUP.name, new Date(PAUSED_UNTIL));
  const said: string[] = [];
  const log = { warn: (_fields: object, line?: string) => void said.push(line ?? '') };
  await ensureConsumer({ connection, manager }, 'JOBS', definition, log as typeof SILENT);
  expect(said).toEqual([
    `consumer workers of JOBS: pause_until is "${PAUSED_UNTIL}", but must be none: NATS delivers none of its messages until then`,
  ]);
  const { ok, consumers } = await setUp(true);
  expect({ ok, consumers }).toMatchObject({ ok: true, consumers: [{ setting: 'pause_until' }] });
  await manager.consumers.resume('JOBS', GROUP.name);
  expect((await setUp(true)).consumers).toEqual([]);
});

describe('throughline setup', () => {
  it('says that a stream of somebody else takes its subjects, and what helps', async () => {
    await manager.streams.add({ name: 'OTHER', subjects: ['cancel.acme.>'] });
    await expect(setUp(false)).rejects.toMatchObject({
      code: 'config-invalid',
      message:
        'stream CANCELS: the server does not create it: subjects overlap with an existing stream; `nats stream ls` shows the others: give the one with subjects that begin with cancel other ones, or use an account of its own',
    });
  });

  it('changes nothing when it checks, and nothing the second time', async () => {
    const before = await setUp(true);
    expect(before.streams.map(({ state }) => state)).toEqual(Array(9).fill('missing'));
    expect((await manager.streams.list().next()).length).toBe(0);
    expect((await setUp(false)).streams.map(({ state }) => state)).toEqual(Array(9).fill('created'));
    expect((await setUp(false)).streams.map(({ state }) => state)).toEqual(Array(9).fill('found'));
  });

  it.each(['JOBS', 'CALLBACKS'])('names a consumer of %s that breaks a promise', async (stream) => {
    await setUp(false);
    const filters = [stream === 'JOBS' ? 'jobs.>' : 'callbacks.>'];
    const definition = { ...consumerDefinition({ ...GROUP, filters }), max_deliver: 3 };
    await manager.consumers.add(stream, definition as never);
    const report = await setUp(true);
    const found = { of: `consumer workers of ${stream}`, setting: 'max_deliver', actual: 3 };
    expect(report).toMatchObject({ ok: false, consumers: [found] });
  });
});
