import { expect, it } from 'vitest';
import { atEndOfFile } from '../support/cleanup.ts';
import { startTestNats } from '../support/nats/nats.ts';
import { checkWorker, faultsOf, fixture, OUR_WORKER, UNHURRIED } from './support.ts';

it.concurrent.each([
  ['our worker', OUR_WORKER],
  ['a worker on plain NATS', fixture('plain-worker/worker.ts')],
])('%s conforms', async (_what, command) => {
  const nats = await startTestNats();
  atEndOfFile(() => nats.stop());
  const reports = await checkWorker({ natsUrl: nats.url, command, ...UNHURRIED });
  expect(faultsOf(reports)).toEqual([]);
});
