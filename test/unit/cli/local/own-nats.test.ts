import { expect, it } from 'vitest';
import { EXIT, exitCodeOf } from '../../../../cli/exit-code.ts';
import { startOwnNats } from '../../../../cli/local/own-nats.ts';
import { problemText } from '../../../../cli/text/problem-text.ts';
import { createPaint } from '../../../../cli/text/terminal.ts';

it('a machine without nats-server is told what was tried, line by line, and that --nats names one', async () => {
  const startLocalNats = async (): Promise<never> => {
    throw new Error(
      'No nats-server was found. These were tried:\n  path    none\nDo one of these:\n  - install it',
    );
  };
  const thrown = await startOwnNats(
    () => undefined,
    async () => ({ startLocalNats }),
  ).catch((error: unknown) => error);
  expect(exitCodeOf(thrown)).toBe(EXIT.unavailable.code);
  expect(problemText(thrown, createPaint(false))).toBe(
    [
      'error: No nats-server was found. These were tried:',
      '    path    none',
      '  Do one of these:',
      '    - install it',
      '    - give --nats with the address of a NATS that nobody else uses (broker-unavailable)',
    ].join('\n'),
  );
});
