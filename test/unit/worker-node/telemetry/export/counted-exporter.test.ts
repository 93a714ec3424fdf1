import { afterEach, expect, it, vi } from 'vitest';
import { CountedExporter } from '../../../../../worker-node/telemetry/export/counted-exporter.ts';
import { Losses } from '../../../../../worker-node/telemetry/export/losses.ts';

afterEach(() => void vi.useRealTimers());

it.each([
  { endMs: undefined, takesMs: 10_000 },
  { endMs: 2_000, takesMs: 2_000 },
])('sends no more batches when the time of the end is over, however many wait: $takesMs ms', async (end) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const sent: number[] = [];
  const silent = { export: (batch: number) => void sent.push(batch), shutdown: async () => undefined };
  const losses = new Losses('logs', () => undefined);
  const exporter = new CountedExporter<number>(silent, {
    losses,
    what: 'log records',
    timeoutMs: 60_000,
    sizeOf: () => 1,
  });
  const sendAll = async (): Promise<void> => {
    for (const batch of [1, 2, 3]) await new Promise((resolve) => exporter.export(batch, resolve));
  };
  let isFinished = false;
  void exporter.finish(sendAll(), 10_000, end.endMs).then(() => {
    isFinished = true;
  });
  await vi.advanceTimersByTimeAsync(end.takesMs);
  expect({ sent, isFinished, lost: losses.counts.exportFailed }).toEqual({
    sent: [1],
    isFinished: true,
    lost: 3,
  });
});
