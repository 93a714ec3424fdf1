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
