import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { storedEvents } from '../../cli/conformance/broker/stored-events.ts';
import { runCommand } from '../../dev/machine/command.ts';
import { toolEnvironment } from '../generators/toolbox.ts';
import { BAD, CUT, GOOD } from '../propagation/cases/tracestate.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { withTestStack } from '../support/stack.ts';
import { programsOf } from './languages.ts';
import { startExample } from './start-example.ts';
import { startTarget } from './trace.ts';

/** The rule, the lines, and what is sent on; null if nothing is. The edge has cut longer lists to 512 characters before. */
const RULES: readonly (readonly [rule: string, lines: readonly string[], sent: string | null])[] = [
  ...GOOD,
  ...BAD.map(([rule, lines]) => [rule, lines, null] as const),
  ...CUT.filter(([, , , reason]) => reason === 'duplicate-key').map(
    ([rule, list, sent]) => [rule, [list], sent] as const,
  ),
];

it('the example in python sends the tracestate on by the rules that hold in Node, and none without a traceparent', async ({
  skip,
}) => {
  const [python = ''] = (await programsOf('python', skip)).worker;
  const file = path.join(await scratchFolder(), 'lists.json');
  await writeFile(file, JSON.stringify(RULES.map(([, lines]) => lines)));
  const output = await runCommand(python, ['-B', path.resolve('test/interop/read_tracestate.py'), file], {
    environment: { ...toolEnvironment(), PYTHONPATH: path.resolve('examples/python') },
    timeoutMs: 60_000,
  });
  const { sent, alone } = JSON.parse(output) as { readonly sent: unknown[]; readonly alone: unknown };
  const found = RULES.map(([rule], index) => [rule, sent[index]]);
  expect(found).toEqual(RULES.map(([rule, , wanted]) => [rule, wanted]));
  expect(alone).toBeNull();
});

it('the events and the outgoing call of a job on the example in python have the tracestate of its caller, with keys of Level 2', async ({
  skip,
}) => {
  const { worker } = await programsOf('python', skip);
  const stack = await withTestStack({ edge: { TRACE_TRUST: 'all' }, worker: { WORKER_OPERATIONS: 'echo' } });
  const settings = { WORKER_NAME: 'state', WORKER_GROUP: 'state', WORKER_OPERATIONS: 'conformance.>' };
  await startExample(stack, worker, settings, 'conformance.baggage');
  const target = await startTarget();
  const tracestate = 'foo@=1,1a@b@c=2,vendor=3';
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const job = await stack.run('conformance.baggage', { url: target.url }, { traceparent, tracestate });
  expect(job).toMatchObject({ state: 'succeeded', result: { status: 200 } });
  expect(target.headers()).toMatchObject({ tracestate });
  const connection = await connect({ servers: stack.nats.url });
  onTestFinished(() => connection.close());
  const events = await storedEvents(await jetstreamManager(connection), `events.*.${job.id}`);
  expect(events.map(({ body, values }) => [body.kind, values('tracestate')])).toEqual([
    ['started', [tracestate]],
    ['succeeded', [tracestate]],
  ]);
});
