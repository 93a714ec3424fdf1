import { expect, it, onTestFinished, vi } from 'vitest';
import { BrokerConnection } from '../../../../edge/nats/broker-connection.ts';
import { openSession } from '../../../../edge/nats/nats-session.ts';
import { createLogger } from '../../../../edge/telemetry/log.ts';
import { startTestNats } from '../../../support/nats/nats.ts';
import { until } from '../../../support/poll.ts';

it('a session is lost as soon as it is closed, also if NATS does not answer any more', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const settings = { NATS_URL: { servers: [nats.webSocketUrl] }, BROKER_TIMEOUT_MS: 5_000 };
  const session = await openSession(settings, 'silent');
  const waiting = session.lost.race(new Promise(() => undefined), () => 'lost');
  await nats.kill('SIGSTOP');
  onTestFinished(() => nats.kill('SIGCONT'));
  session.close();
  expect(await waiting).toBe('lost');
  expect(session.isClosed).toBe(true);
});

it('the log line about a server that does not answer names no cause, since nobody knows one', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  await nats.kill('SIGSTOP');
  onTestFinished(() => nats.kill('SIGCONT'));
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  const settings = { NATS_URL: { servers: [nats.webSocketUrl] }, BROKER_TIMEOUT_MS: 100 };
  const connection = new BrokerConnection(settings, 'silent', log);
  await expect(connection.use(async () => undefined)).rejects.toThrow('cannot be reached');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.not.objectContaining({ cause: expect.anything() }),
  ]);
  expect(lines.join()).toContain('cannot connect to NATS');
});

it('the log tells of a connection that was lost and comes back, not of each that was closed while nobody needed it', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const lines: { readonly level: string; readonly msg: string }[] = [];
  const log = createLogger('debug', (line) => lines.push(JSON.parse(line)));
  const settings = { NATS_URL: { servers: [nats.webSocketUrl] }, BROKER_TIMEOUT_MS: 5_000 };
  const connection = new BrokerConnection(settings, 'idle', log);
  onTestFinished(() => connection.release());
  for (let uses = 0; uses < 3; uses++) {
    await connection.session();
    connection.release();
    connection.release();
  }
  await connection.session();
  const levels = () => lines.filter(({ msg }) => msg === 'connected to NATS').map(({ level }) => level);
  expect(levels()).toEqual(['info', 'debug', 'debug', 'debug']);
  await nats.restart();
  await until('the loss', () => connection.state === 'lost');
  await connection.session();
  expect(levels()).toEqual(['info', 'debug', 'debug', 'debug', 'info']);
});

it('the log tells once of a server that stays away, however often it is tried', async () => {
  const nats = await startTestNats();
  await nats.stop();
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  const settings = { NATS_URL: { servers: [nats.webSocketUrl] }, BROKER_TIMEOUT_MS: 5_000 };
  const connection = new BrokerConnection(settings, 'away', log);
  for (let tries = 0; tries < 3; tries++) await expect(connection.session()).rejects.toThrow();
  expect(lines).toEqual([expect.stringContaining('cannot connect to NATS')]);
});

it('a connection is tried again although the clock was set back since the last attempt failed', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  await nats.kill('SIGSTOP');
  const log = createLogger('info', () => undefined);
  const settings = { NATS_URL: { servers: [nats.webSocketUrl] }, BROKER_TIMEOUT_MS: 500 };
  const connection = new BrokerConnection(settings, 'clock', log);
  onTestFinished(() => connection.release());
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
  await expect(connection.session())
    .rejects.toThrow()
    .finally(() => vi.useRealTimers());
  await nats.kill('SIGCONT');
  await until('a session', async () => await connection.available());
});
