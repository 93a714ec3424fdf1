import { runOperation } from 'throughline/testing';
import { expect, test } from 'vitest';
import { greet } from './operations/greet.ts';

test('greets', async () => {
  const { state, result, progress, log } = await runOperation(greet, { name: 'Ada' });
  expect({ state, result }).toEqual({ state: 'succeeded', result: { greeting: 'hello Ada' } });
  expect(progress).toEqual([{ attempt: 1, fraction: 0.5, message: 'knocked' }]);
  expect(log).toMatchObject([{ level: 'info', msg: 'greeted', data: { name: 'Ada' } }]);
});

test('comes again after a minute, which takes no time here', async () => {
  const { state, attempts, elapsedMs } = await runOperation(greet, { name: 'busy' });
  expect(state).toBe('succeeded');
  expect(attempts.map(({ outcome, pauseMs }) => [outcome, pauseMs])).toEqual([
    ['retrying', 60_000],
    ['succeeded', undefined],
  ]);
  expect(elapsedMs).toBeGreaterThanOrEqual(60_000);
});

test('takes no number for a name', async () => {
  const { error } = await runOperation(greet, JSON.parse('{"name":7}'));
  expect(error).toMatchObject({ code: 'input-invalid' });
});
