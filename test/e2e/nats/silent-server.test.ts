import { expect, it, onTestFinished } from 'vitest';
import { openSession } from '../../../edge/nats/nats-session.ts';
import { startTestNats } from '../../support/nats/nats.ts';

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
