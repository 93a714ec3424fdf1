import { syncBuiltinESMExports } from 'node:module';
import { exit as importedExit } from 'node:process';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { runCommand } from '../../../dev/machine/command.ts';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { StrayErrors } from '../../../worker-node/stray-errors.ts';
import { withJob } from '../../../worker-node/telemetry/job-context.ts';
import { HOSTILE } from '../../support/authors-mistakes.ts';
import { refusalOf } from '../support.ts';
import { quiet } from './support.ts';

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

const STRAY_ERRORS = new URL('../../../worker-node/stray-errors.ts', import.meta.url).href;
const JOB = { job_id: 'job-1', operation: 'echo', tenant: 'acme', attempt: 2 };

/** Errors that are left behind, and the lines about them. */
function watching() {
  const lines: object[] = [];
  const errors = new StrayErrors({ ...quiet, error: (fields: object) => void lines.push(fields) });
  return { errors, lines };
}

it('the first error that is left behind ends the wait, and names the job that left it', async () => {
  const { errors, lines } = watching();
  const fail = vi.fn();
  context.with(withJob(ROOT_CONTEXT, JOB, fail), () => errors.take(new Error('forgotten')));
  errors.take('later');
  expect(fail).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'forgotten' }));
  expect((await refusalOf(() => errors.first)).message).toBe(
    'an error was left behind by job job-1 (echo): forgotten',
  );
  expect(lines).toMatchObject([
    { ...JOB, reason: 'forgotten', stack: expect.stringMatching(/^Error: forgotten\n/) },
    { reason: 'later' },
  ]);
});

it('an error of no job is said to be left behind by none', async () => {
  const { errors } = watching();
  errors.take(HOSTILE);
  expect((await refusalOf(() => errors.first)).message).toMatch(
    /^an error was left behind: a Proxy was thrown/,
  );
});

it.each<[string, (work: () => never) => unknown, object, string]>([
  [
    'an operation',
    (work) =>
      context.with(
        withJob(ROOT_CONTEXT, JOB, () => undefined),
        work,
      ),
    JOB,
    'an error was left behind by job job-1 (echo): ',
  ],
  ['other code, such as what listens to a signal,', (work) => work(), {}, 'an error was left behind: '],
])(
  '%s that ends the process stops the host gracefully instead, and fails',
  async (_who, call, whose, sentence) => {
    const { exit } = process;
    const exitListeners = process.listeners('exit');
    // The test runner listens too.
    const others = [process.listeners('uncaughtException'), process.listeners('unhandledRejection')] as const;
    const silence = () =>
      process.removeAllListeners('uncaughtException').removeAllListeners('unhandledRejection');
    silence();
    onTestFinished(() => {
      process.exit = exit;
      syncBuiltinESMExports();
      silence();
      for (const listener of others[0]) process.on('uncaughtException', listener);
      for (const listener of others[1]) process.on('unhandledRejection', listener);
    });
    const ended = vi.fn();
    process.exit = ended as never;
    const lines: object[] = [];
    const errors = StrayErrors.watch({ ...quiet, error: (fields: object) => void lines.push(fields) });
    let thrown: unknown;
    try {
      call(() => importedExit(3));
    } catch (caught) {
      thrown = caught;
    }
    process.emit('uncaughtException', thrown as Error);
    expect(lines).toMatchObject([{ ...whose, reason: 'process.exit(3) was called' }]);
    expect((await refusalOf(() => errors.first)).message).toBe(`${sentence}process.exit(3) was called`);
    expect(ended).not.toHaveBeenCalled();
    // As when the process ends.
    for (const listener of process.listeners('exit').filter((one) => !exitListeners.includes(one))) {
      process.off('exit', listener);
      listener(0);
    }
    process.exit(4);
    expect(ended).toHaveBeenCalledExactlyOnceWith(4);
  },
);

it('what listens to uncaught errors, and ends the process then, stops the host gracefully too', async () => {
  const program = `
    import { StrayErrors } from ${JSON.stringify(STRAY_ERRORS)};
    const errors = StrayErrors.watch({ error: ({ reason }) => console.log(reason) });
    process.on('uncaughtException', () => process.exit(9));
    process.on('exit', () => console.log('in order'));
    setTimeout(() => { throw new Error('odd'); });
    await errors.first.catch(() => undefined);
    setTimeout(() => process.exit(8));`;
  const told = await runCommand(process.execPath, ['--input-type=module', '--eval', program], {
    timeoutMs: 60_000,
    environment: hostEnvironment(),
  });
  expect(told.trim().split('\n')).toEqual([
    'odd',
    'process.exit(9) was called',
    'process.exit(8) was called',
    'process.exit(9) was called',
    'in order',
  ]);
});

it('a thousand errors are some lines, and a number', () => {
  const { errors, lines } = watching();
  for (let n = 0; n < 1_000; n++) errors.take(new Error(String(n)));
  expect(lines).toHaveLength(20);
  errors.report();
  expect(lines.at(-1)).toEqual({ errors: 980 });
});
