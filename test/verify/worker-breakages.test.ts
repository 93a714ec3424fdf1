import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { atEndOfFile } from '../support/cleanup.ts';
import { startTestNats } from '../support/nats/nats.ts';
import { startNatsProxy } from './support/nats-proxy.ts';
import { isTraceparent, onJobs, onlyFault, useTraceStore, verifyWith } from './support/proxied-system.ts';

useTraceStore();

const preloaded = (file: string): string =>
  `--import=${fileURLToPath(new URL(`../fixtures/${file}`, import.meta.url))}`;

describe('a worker', () => {
  it('without a propagator is named', async () => {
    const verified = await verifyWith({ worker: { NODE_OPTIONS: preloaded('no-propagator.mjs') } }, 'plain');
    expect(onlyFault(verified, 'plain')).toMatch(/^bridge → worker: .*without a propagator/);
  });

  it('whose exporter is off is named, and its context is not blamed', async () => {
    const verified = await verifyWith({ worker: { OTEL_SDK_DISABLED: 'true' } }, 'plain');
    expect(onlyFault(verified, 'plain')).toMatch(
      /^bridge → worker: .*the operation ran in this trace, .*exporter is off/,
    );
  });

  it('whose clock is 10 minutes off is named', async () => {
    const worker = { NODE_OPTIONS: preloaded('skewed-clock.mjs'), SKEW_MS: '600000' };
    expect(onlyFault(await verifyWith({ worker }, 'plain'), 'plain')).toMatch(
      /^clocks: the spans of throughline-worker are about 10 minutes after/,
    );
  });
});

it('an outbox that lost the context is named', async () => {
  const nats = await startTestNats();
  atEndOfFile(() => nats.stop());
  const proxy = await startNatsProxy(nats.url);
  proxy.change = onJobs((headers) =>
    headers.some(([name]) => name === 'throughline-outbox-time-ms')
      ? headers.filter((header) => !isTraceparent(header))
      : headers,
  );
  const options = { nats, worker: { NATS_URL: proxy.url }, edge: { ACK_MODE: 'outbox' } };
  expect(onlyFault(await verifyWith(options, 'outbox'), 'outbox')).toMatch(
    /^bridge → worker: .*the job was in the outbox, and its context was not stored or not sent/,
  );
});
