import path from 'node:path';
import { expect, it } from 'vitest';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { missingPrograms } from '../generators/toolbox.ts';
import { programsOf } from '../interop/languages.ts';
import { startExample } from '../interop/start-example.ts';
import { withTestStack } from '../support/stack.ts';
import { startAdapter } from './adapter.ts';
import { runSuite } from './run-suite.ts';
import { findSuite } from './suite-files.ts';

const CASES = 41;

async function suiteFolder(skip: (note: string) => never): Promise<string> {
  if ((await missingPrograms({ needs: ['python3'] })).length > 0)
    return skip('NOT TESTED: it needs python3 on PATH');
  const suite = await findSuite();
  return 'folder' in suite
    ? suite.folder
    : skip(`NOT TESTED: ${suite.whyNot}; W3C_SUITE can name a folder that has it`);
}

it('the calls of a job on a Node worker pass all cases', async ({ skip }) => {
  const folder = await suiteFolder(skip);
  const port = await findFreePort();
  const stack = await withTestStack({
    operationsFolder: path.resolve('test/fixtures/w3c'),
    edge: { TRACE_TRUST: 'all' },
    worker: { BAGGAGE_ALLOW: `http://127.0.0.1:${port}` },
  });
  const report = await runSuite(folder, await startAdapter(stack, 'w3c.node'), port);
  expect(report).toEqual({ ran: CASES, skipped: [], faults: {} });
});

it('the calls of a job on the worker of examples/python pass all cases', async ({ skip }) => {
  const folder = await suiteFolder(skip);
  const [python = '', ...args] = (await programsOf('python', skip)).worker;
  const stack = await withTestStack({ edge: { TRACE_TRUST: 'all' }, worker: { WORKER_OPERATIONS: 'echo' } });
  await startExample(
    stack,
    [python, ...args.slice(0, -1), path.resolve('test/w3c/python_worker.py')],
    {
      WORKER_NAME: 'w3c-python',
      WORKER_GROUP: 'w3c',
      WORKER_OPERATIONS: 'w3c.python',
      PYTHONPATH: path.resolve('examples/python'),
    },
    'w3c.python',
  );
  const report = await runSuite(folder, await startAdapter(stack, 'w3c.python'), await findFreePort());
  expect(report).toEqual({ ran: CASES, skipped: [], faults: {} });
});
