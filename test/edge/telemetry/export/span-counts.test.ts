import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { expect, it, vi } from 'vitest';
import { SpanCounts } from '../../../../edge/telemetry/export/span-counts.ts';
import { createLogger } from '../../../../edge/telemetry/log.ts';
import { withService } from '../../../../edge/telemetry/service.ts';

function setup() {
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const clock = { now: 1_700_000_000_000 };
  return { log, clock, counts: new SpanCounts(log, () => clock.now) };
}

it('counts each reason by itself', () => {
  const { counts } = setup();
  counts.addExported(5);
  counts.addLost('queueFull', 1);
  counts.addLost('rejected', 2);
  counts.addLost('exportFailed', 0);
  expect([counts.exported, counts.lost]).toEqual([
    5,
    { queueFull: 1, exportFailed: 0, rejected: 2, overBudget: 0 },
  ]);
});

it('says what a collector warns of although it took all spans, in at most one line a minute', () => {
  const { log, clock, counts } = setup();
  counts.addLost('rejected', 0, 'warning: use fewer attributes');
  counts.addLost('rejected', 0, 'warning: use fewer attributes');
  clock.now += 60_000;
  counts.tell();
  counts.tell();
  expect(log.warn).toHaveBeenCalledTimes(2);
  const reason = 'warning: use fewer attributes';
  expect(log.warn).toHaveBeenLastCalledWith('the collector warns', expect.objectContaining({ reason }));
});

it('a warning neither replaces the reason of a loss, nor is the reason of one', () => {
  const { log, clock, counts } = setup();
  counts.addLost('queueFull', 1);
  counts.addLost('exportFailed', 2, 'status 503');
  counts.addLost('rejected', 0, 'warning: use fewer attributes');
  clock.now += 60_000;
  counts.tell();
  expect(log.warn).toHaveBeenLastCalledWith(
    'spans were lost',
    expect.objectContaining({ reason: 'status 503' }),
  );
  counts.addLost('rejected', 0, 'warning: use fewer attributes');
  counts.addLost('queueFull', 1);
  clock.now += 60_000;
  counts.tell();
  expect(log.warn).toHaveBeenLastCalledWith(
    'spans were lost',
    expect.not.objectContaining({ reason: expect.anything() }),
  );
});

it('says each loss once, in at most one line a minute', () => {
  const { log, clock, counts } = setup();
  counts.addLost('exportFailed', 3, 'status 500');
  counts.addLost('exportFailed', 4, 'status 503');
  counts.addLost('queueFull', 2);
  counts.tell();
  expect(log.warn.mock.calls).toEqual([
    [
      'spans were lost',
      { since_last_line: 3, queueFull: 0, exportFailed: 3, rejected: 0, overBudget: 0, reason: 'status 500' },
    ],
  ]);
  clock.now += 60_000;
  counts.tell();
  expect(log.warn.mock.lastCall).toEqual([
    'spans were lost',
    { since_last_line: 6, queueFull: 2, exportFailed: 7, rejected: 0, overBudget: 0, reason: 'status 503' },
  ]);
  clock.now += 60_000;
  counts.tell();
  expect(log.warn).toHaveBeenCalledTimes(2);
});

it('says a loss in a line that belongs to no request, even if a request finds no room for its span', () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const lines: string[] = [];
  const counts = new SpanCounts(
    createLogger('info', (line) => lines.push(line)),
    () => 0,
  );
  const span = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 };
  const request = withService(trace.setSpanContext(ROOT_CONTEXT, span), 'throughline-bridge');
  context.with(request, () => counts.addLost('queueFull', 1));
  const [line] = lines.map((text) => JSON.parse(text));
  expect(line).toMatchObject({ service: 'throughline-edge', msg: 'spans were lost' });
  expect(line).not.toHaveProperty('trace_id');
});
