import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NatsServer } from '../../../../dev/nats-server/start.ts';
import type { BrokerSession } from '../../../../edge/nats/broker-session.ts';
import { openSession } from '../../../../edge/nats/nats-session.ts';
import { EVENTS_STREAM, JOBS_STREAM, streamDefinitions } from '../../../../shared/nats/streams.ts';
import { eventSubject, jobSubjectFilter } from '../../../../shared/wire/subjects.ts';
import { ensureStreams } from '../../../../worker-node/broker/provision.ts';
import { startTestNats } from '../../../support/nats/nats.ts';
import { RoundTripCounter } from '../../../support/nats/round-trip-counter.ts';

/** How many reads of one tenant begin at once. */
const READS = 100;
const TIMEOUT_MS = 1_000;

async function sessionAt(url: string, timeoutMs: number): Promise<BrokerSession> {
  const settings = { NATS_URL: { servers: [url] }, BROKER_TIMEOUT_MS: timeoutMs };
  const session = await openSession(settings, 'reads');
  onTestFinished(() => session.close());
  return session;
}

async function natsWithStreams(): Promise<NatsServer> {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const connection = await connect({ servers: nats.url });
  onTestFinished(() => connection.close());
  const log = { warn: () => undefined };
  await ensureStreams(await jetstreamManager(connection), streamDefinitions(1, true), log as never);
  return nats;
}

function lastEvent(session: BrokerSession, tenant: string): Promise<unknown> {
  return session.lastMessage(EVENTS_STREAM, eventSubject(tenant, 'one'));
}

describe('the reads of one tenant', () => {
  it.each<[what: string, roundTrips: number, read: (session: BrokerSession) => Promise<unknown>]>([
    ['last events', 3, (session) => lastEvent(session, 'acme')],
    ['queued jobs', 2, (session) => session.lastMessage(JOBS_STREAM, jobSubjectFilter('acme', 'one'))],
    [
      // NATS sends a message more than the bytes that a page may have.
      'pages',
      3,
      (session) =>
        session.page(EVENTS_STREAM, {
          subject: eventSubject('acme', 'one'),
          from: 1,
          maxMessages: 250,
          maxBytes: 256 * 1024,
        }),
    ],
  ])('are asked for in a few turns, since their answers may be large: %s', async (_, roundTrips, read) => {
    const nats = await natsWithStreams();
    const counter = await RoundTripCounter.start(Number(new URL(nats.webSocketUrl).port));
    onTestFinished(() => counter.stop());
    const session = await sessionAt(`ws://127.0.0.1:${counter.port}`, 5_000);
    const readAll = () => Promise.all(Array.from({ length: READS }, () => read(session)));
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    expect(await counter.count(readAll, turn)).toBe(roundTrips);
  });

  it('do not hold up the reads of the outbox, in which jobs of all tenants wait', async () => {
    const nats = await natsWithStreams();
    const session = await sessionAt(nats.webSocketUrl, 5_000);
    const answered: string[] = [];
    const reads = Array.from({ length: READS }, () =>
      lastEvent(session, 'acme').then(() => answered.push('acme')),
    );
    const ofOutbox = session.outboxReads.lastMessage(EVENTS_STREAM, eventSubject('acme', 'two'));
    await Promise.all([...reads, ofOutbox.then(() => answered.push('outbox'))]);
    expect(answered.indexOf('outbox')).toBeLessThan(READS / 2);
  });

  it('that wait for their turn wait no longer than for an answer of NATS', async () => {
    const nats = await startTestNats();
    onTestFinished(() => nats.stop());
    const session = await sessionAt(nats.webSocketUrl, TIMEOUT_MS);
    await nats.kill('SIGSTOP');
    onTestFinished(() => nats.kill('SIGCONT'));
    const all = Promise.allSettled(Array.from({ length: 10 * READS }, () => lastEvent(session, 'acme')));
    const fiveInTurn = async (): Promise<void> => {
      for (let read = 0; read < 5; read++) await lastEvent(session, 'other').catch(() => undefined);
    };
    const first = await Promise.race([all, fiveInTurn().then(() => 'five in turn')]);
    expect(first).toEqual(
      Array.from({ length: 10 * READS }, () => expect.objectContaining({ status: 'rejected' })),
    );
  });

  it('end when the connection is lost, also those that wait for their turn', async () => {
    const nats = await startTestNats();
    onTestFinished(() => nats.stop());
    const session = await sessionAt(nats.webSocketUrl, 60_000);
    await nats.kill('SIGSTOP');
    onTestFinished(() => nats.kill('SIGCONT'));
    const all = Promise.allSettled(Array.from({ length: READS }, () => lastEvent(session, 'acme')));
    await new Promise((resolve) => setImmediate(resolve));
    session.close();
    for (const end of await all) expect(String((end as PromiseRejectedResult).reason)).toContain('lost');
  });
});
