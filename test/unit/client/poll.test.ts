import { expect, it } from 'vitest';
import { pause, pollDelays } from '../../../client/poll.ts';

it('the pauses between two requests grow from 200 ms to 2 s', () => {
  const delays = pollDelays();
  const first = Array.from({ length: 9 }, () => delays.next().value);
  expect(first[0]).toBe(200);
  expect(first.at(-1)).toBe(2_000);
  expect(first).toEqual(first.toSorted((a, b) => a - b));
});

it('a pause ends with the reason of its signal, immediately', async () => {
  const stop = new AbortController();
  const paused = pause(60_000, stop.signal);
  stop.abort(new Error('stopped'));
  await expect(paused).rejects.toThrow('stopped');
  await expect(pause(60_000, stop.signal)).rejects.toThrow('stopped');
});
