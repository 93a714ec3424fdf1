import { expect, it } from 'vitest';
import { untilReady } from '../../../dev/edge/ready.ts';
import { answer, serve } from '../../support/cli/servers.ts';

const AWAY = {
  type: 'urn:throughline:problem:broker-unavailable',
  traceId: '0',
  status: 503,
  code: 'broker-unavailable',
  title: 'away',
  detail: 'NATS does not answer',
};

it('asks an edge that is not ready more and more rarely, for each question is a line in its log', async () => {
  const asked: number[] = [];
  const { url } = await serve(() => {
    asked.push(Date.now());
    return asked.length < 10 ? answer(503, AWAY) : answer(200, {});
  });
  await untilReady(url);
  const [first = 0, last = 0] = [asked[0], asked.at(-1)];
  expect(asked).toHaveLength(10);
  // The nine pauses between them, from 20 ms on, by half longer each time. A slow machine makes them longer.
  expect(last - first).toBeGreaterThan(1_400);
});

it('gives up at once when a setting is wrong, with the sentence of the edge', async () => {
  const wrong = { ...AWAY, status: 500, code: 'config-invalid', detail: 'API_KEYS: must be JSON' };
  const { url, seen } = await serve(() => answer(500, wrong));
  await expect(untilReady(url)).rejects.toThrow('the edge does not start: API_KEYS: must be JSON');
  expect(seen).toHaveLength(1);
});
