import { createServer, type Server } from 'node:http';
import { expect, it } from 'vitest';
import { listening } from '../../support/http/listening.ts';
import { metricOf } from '../../support/http/metrics.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const REQUESTS = 400;
const USER_AGENT = 'x'.repeat(100_000);
const QUEUE_BYTES = 65_536;

/** A collector that reads and never answers. */
async function startSilentCollector() {
  const seen = { bytes: 0, open: 0, most: 0 };
  const server: Server = createServer((request) => {
    seen.most = Math.max(seen.most, ++seen.open);
    request.on('data', (chunk: Buffer) => {
      seen.bytes += chunk.length;
    });
    request.on('close', () => seen.open--);
  });
  const url = await listening(server);
  return { seen, url };
}

async function sendMany(stack: TestStack): Promise<void> {
  for (let sent = 0; sent < REQUESTS; sent += 20) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const response = await fetch(`${stack.url}/nothing`, { headers: { 'user-agent': USER_AGENT } });
        expect(response.status).toBe(404);
        await response.body?.cancel();
      }),
    );
  }
}

const lostSpans = ({ url }: TestStack, reason: string): Promise<number> =>
  metricOf(url, 'throughline_edge_lost_spans_total', `reason="${reason}"`);

it('A30: large requests without a key cost little telemetry while the collector is silent, and no job', async () => {
  const { seen, url } = await startSilentCollector();
  const stack = await startTestStack({
    edge: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      TRACE_QUEUE_BYTES: String(QUEUE_BYTES),
      TRACE_ANONYMOUS_PER_MINUTE: '60',
    },
  });
  await sendMany(stack);
  expect(await lostSpans(stack, 'overBudget')).toBeGreaterThan(REQUESTS / 2);
  expect(await lostSpans(stack, 'queueFull')).toBeGreaterThan(0);
  expect(seen.most).toBe(1);
  // Each export is a quarter of the queue. It takes 10 seconds until the next one begins.
  expect(seen.bytes).toBeLessThan(4 * QUEUE_BYTES);
  expect((await stack.run('echo', 'still here')).result).toBe('still here');
  expect(await stack.logged(({ msg }) => msg === 'spans were lost')).toHaveLength(1);
});
