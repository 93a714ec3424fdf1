import { expect, it } from 'vitest';
import { atEndOfFile } from '../support/cleanup.ts';
import { startTestNats } from '../support/nats/nats.ts';
import { listen } from './published.ts';
import { READING_CASE } from './reading-case.ts';
import { checkWorker, faultsOf, fixture, OUR_WORKER, UNHURRIED } from './support.ts';

it.concurrent.each([
  ['our worker', OUR_WORKER],
  ['a worker on plain NATS', fixture('plain-worker/worker.ts')],
])('%s conforms, and all that it publishes fits the AsyncAPI document', async (_what, command) => {
  const nats = await startTestNats();
  atEndOfFile(() => nats.stop());
  const published = await listen(nats.url);
  const reports = await checkWorker({ natsUrl: nats.url, command, more: [READING_CASE], ...UNHURRIED });
  await published.close();
  expect(faultsOf(reports)).toEqual([]);
  expect(published.faults()).toEqual([]);
  const kinds = ['events', 'dead', 'callbacks', 'operations', 'hosts', 'limits'];
  for (const kind of kinds) expect(published.counts()).toHaveProperty(kind);
});

it.concurrent('a job that ends before another program can end it shows nothing: the next one sleeps for longer', async () => {
  const nats = await startTestNats();
  atEndOfFile(() => nats.stop());
  const reports = await checkWorker({
    natsUrl: nats.url,
    command: fixture('plain-worker/worker.ts'),
    cases: ['callback-of-another-end'],
    environment: { SABOTAGE: 'short-naps' },
    ...UNHURRIED,
  });
  expect(faultsOf(reports)).toEqual([]);
});
