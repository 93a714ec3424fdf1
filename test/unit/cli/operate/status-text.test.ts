import { expect, it } from 'vitest';
import { statusText } from '../../../../cli/operate/status-text.ts';
import { createPaint } from '../../../../cli/text/terminal.ts';
import type { HostState, NatsReport } from '../../../../worker-node/broker/operate/nats-report.ts';

const host = (number: number): HostState => ({
  host: `host-${number}`,
  version: '1',
  group: 'workers',
  concurrency: 1,
  operations: [],
  since: '2026-01-01T00:00:00.000Z',
  leaseMs: 1,
  clockAheadMs: number === 300 ? 60_000 : 0,
});
const hosts = Array.from({ length: 300 }, (_, index) => host(index + 1));
const nats: NatsReport = {
  server: { version: '2', clustered: false },
  streams: [],
  operations: [],
  paused: {},
  hosts,
  groups: [
    {
      name: 'workers',
      operations: ['>'],
      waiting: 0,
      unsettled: 0,
      pulls: 1,
      hosts: hosts.map((one) => one.host),
    },
  ],
};

it('the state of a system with many hosts stays on one screen, and shows the clock that is wrong', () => {
  const edge = { url: 'http://edge.test', reached: true, ready: true, isKeyInvalid: false, unasked: [] };
  const text = statusText({ ok: true, wrong: [], notes: [], unasked: [], edge, nats }, createPaint(false));
  for (const line of text.split('\n')) expect(line.length).toBeLessThan(200);
  expect(text).toContain('host-7 host-8 and 292 more');
  expect(text).toContain('this machine ?, host-300 60 s ahead, host-1 right');
});

it('a stream without a cap says so after a comma', () => {
  const edge = { url: 'http://edge.test', reached: true, ready: true, isKeyInvalid: false, unasked: [] };
  const streams = [
    { name: 'JOBS', exists: true, messages: 1, bytes: 38 * 1024 },
    { name: 'DEAD', exists: true, messages: 2, bytes: 1024, maxBytes: 2048 },
  ];
  const report = { ok: true, wrong: [], notes: [], unasked: [], edge, nats: { ...nats, streams } };
  const text = statusText(report, createPaint(false));
  expect(text).toContain('1 message, 38.0 KiB, no cap\n');
  expect(text).toContain('2 messages, 1.0 KiB of 2.0 KiB\n');
});
