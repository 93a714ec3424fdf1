import { expect, it, onTestFinished, vi } from 'vitest';
import { refuseExit } from '../../../../worker-node/operations/refuse-exit.ts';

it.each([
  ['nothing', []],
  ['an exit code', [3]],
])('code that may end the process gives %s to exit, and goes on if that returns', (_, given) => {
  const { exit } = process;
  const replaced = vi.fn();
  process.exit = replaced as never;
  const allowExit = refuseExit(undefined, () => false);
  onTestFinished(() => {
    allowExit();
    process.exit = exit;
  });
  process.exit(...given);
  // With an argument, even undefined, exit() forgets process.exitCode.
  expect(replaced.mock.calls).toEqual([given]);
});
