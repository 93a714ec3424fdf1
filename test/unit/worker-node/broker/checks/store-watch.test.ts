import { JetStreamApiError } from '@nats-io/jetstream';
import { afterEach, expect, it, vi } from 'vitest';
import { streamDefinitions } from '../../../../../shared/nats/streams.ts';
import { StoreWatch } from '../../../../../worker-node/broker/checks/store-watch.ts';

afterEach(() => void vi.useRealTimers());

const debug = vi.fn();

function brokerOf(streams: Record<string, { bytes: number; max_bytes: number }>) {
  const info = async (name: string) => {
    const stream = streams[name];
    if (stream === undefined) throw new Error('stream not found');
    const state = { bytes: stream.bytes, messages: 1, first_ts: '2026-01-01T00:00:00.5Z' };
    return { state, config: { max_bytes: stream.max_bytes } };
  };
  return { manager: { streams: { info } } } as unknown as Parameters<typeof StoreWatch.start>[0];
}

it('says how full the streams of waiting jobs are, and warns from 80 % of the cap on', async () => {
  vi.useFakeTimers();
  const streams = { JOBS: { bytes: 79, max_bytes: 100 }, DELAYED: { bytes: 99, max_bytes: -1 } };
  const watch = await StoreWatch.start(brokerOf(streams), [], { debug } as never);
  const oldest = { messages: 1, oldestAt: Date.UTC(2026, 0, 1, 0, 0, 0, 500) };
  expect([...watch.streams]).toEqual([
    ['JOBS', { bytes: 79, maxBytes: 100, ...oldest }],
    ['DELAYED', { bytes: 99, ...oldest }],
  ]);
  expect(watch.warnings).toEqual([]);
  streams.JOBS.bytes = 80;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(watch.warnings).toEqual(['JOBS holds 80 of 100 bytes: more jobs will be refused']);
  watch.stop();
  streams.JOBS.bytes = 0;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(watch.warnings).toHaveLength(1);
});

it('knows nothing of a stream that it cannot read', async () => {
  const watch = await StoreWatch.start(brokerOf({ JOBS: { bytes: 1, max_bytes: 2 } }), [], {
    debug,
  } as never);
  expect([...watch.streams.keys()]).toEqual(['JOBS']);
  watch.stop();
});

it('says once, and in its warnings, which setting of a stream somebody has changed, and which stream is gone', async () => {
  vi.useFakeTimers();
  const warn = vi.fn();
  const definitions = streamDefinitions(1, true);
  const configs = new Map(definitions.map((definition) => [definition.name, { ...definition } as object]));
  const state = { bytes: 1, messages: 0 };
  const gone = new JetStreamApiError({ code: 404, err_code: 10059, description: 'stream not found' });
  const info = async (name: string) => {
    if (!configs.has(name)) throw gone;
    return { state, config: configs.get(name) };
  };
  const broker = { manager: { streams: { info } } } as unknown as Parameters<typeof StoreWatch.start>[0];
  const watch = await StoreWatch.start(broker, definitions, { debug, warn } as never);
  expect(watch.warnings).toEqual([]);
  const right = configs.get('EVENTS') ?? {};
  configs.set('EVENTS', { ...right, max_msg_size: 500 });
  await vi.advanceTimersByTimeAsync(180_000);
  expect(watch.warnings).toEqual([expect.stringMatching(/^stream EVENTS: max_msg_size is 500, but must be/)]);
  expect(warn).toHaveBeenCalledOnce();
  expect(warn).toHaveBeenCalledWith(expect.objectContaining({ stream: 'EVENTS' }), 'stream changed');
  configs.delete('EVENTS');
  await vi.advanceTimersByTimeAsync(30_000);
  expect(watch.warnings).toEqual(['stream EVENTS: it is gone; run `throughline setup`']);
  expect(watch.problem).toBe('stream EVENTS: it is gone; run `throughline setup`');
  expect(warn).toHaveBeenCalledTimes(2);
  configs.set('EVENTS', right);
  configs.delete('CALLBACKS');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(watch.warnings).toEqual([expect.stringMatching(/^stream CALLBACKS: it is gone/)]);
  expect(watch.problem).toBeUndefined();
  watch.stop();
});
