import type { JsMsg } from '@nats-io/jetstream';
import { expect, it, vi } from 'vitest';
import { type Settlement, settle } from '../../../../worker-node/broker/settlement.ts';

it.each<[Settlement, called: string, parameters: unknown[]]>([
  [{ kind: 'ack' }, 'ack', []],
  [{ kind: 'nak', delayMs: 500 }, 'nak', [500]],
  [{ kind: 'nak', delayMs: 0 }, 'nak', [0]],
  [{ kind: 'term', reason: 'operation-rejected' }, 'term', ['operation-rejected']],
])('the settlement %j tells the broker %s, once, and nothing else', (settlement, called, parameters) => {
  const message = { ack: vi.fn(), nak: vi.fn(), term: vi.fn(), working: vi.fn() };
  settle(message as unknown as JsMsg, settlement);
  const calls = Object.entries(message).flatMap(([name, spy]) => spy.mock.calls.map((call) => [name, call]));
  expect(calls).toEqual([[called, parameters]]);
});

it('tells the broker nothing of a job that another delivery goes on with (W4)', () => {
  const message = { ack: vi.fn(), nak: vi.fn(), term: vi.fn(), working: vi.fn() };
  settle(message as unknown as JsMsg, { kind: 'none' });
  for (const spy of Object.values(message)) expect(spy).not.toHaveBeenCalled();
});
