import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { OperationList } from '../../../shared/api/answers/operation-list.ts';
import { OPERATIONS_BUCKET } from '../../../shared/nats/streams.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import { bodyOf, resultsOf } from '../../support/http/answers.ts';
import { metricOf } from '../../support/http/metrics.ts';
import { listedOperation } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

const OPTIONS = { operationsFolder: 'test/fixtures/checked-operations' };
/** Far above what any of these takes. A validator that tries every way takes 13 s for the tree. */
const TIME_MS = 15_000;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack(OPTIONS);
});

function tree(depth: number, core: unknown = { kind: 'leaf' }): unknown {
  return Array.from({ length: depth }).reduce((inner) => ({ kind: 'd', inner }), core);
}

async function refusalOf(operation: string, input: unknown): Promise<unknown> {
  const response = await stack.submit({ operation, input });
  expect(response.status).toBe(422);
  return (await problemOf(response)).violations;
}

const unchecked = (reason: string): Promise<number> =>
  metricOf(stack.url, 'throughline_bridge_unchecked_inputs_total', `reason="${reason}"`);

/** Announces an operation as a worker in another language would. */
async function announce(name: string, more: object): Promise<void> {
  const nats = await connect({ servers: stack.nats.url });
  const bucket = await new Kvm(nats).open(OPERATIONS_BUCKET);
  await bucket.put(
    name,
    JSON.stringify({ name, inputSchema: true, timeoutMs: 1_000, maxAttempts: 1, ...more }),
  );
  await nats.close();
  await until('the operation to be known', () => listedOperation(stack, name));
}

describe('an input that the schema of its operation accepts', () => {
  it.each<[string, unknown, unknown]>([
    ['check.flag', 'ABC', 'ABC'],
    ['check.coerce', '5', 5],
    ['check.preprocess', '5', 5],
    ['check.trim', '  ABC  ', 'ABC'],
    ['check.fallback', { size: 'x' }, { size: 7 }],
    ['check.legacy', { name: 'a-b.c', size: 1 }, { name: 'a-b.c', size: 1 }],
    ['check.tree', tree(20), tree(20)],
    ['check.tree', tree(55), tree(55)],
  ])('reaches the operation: %s %j', async (operation, input, got) => {
    const start = performance.now();
    expect(await stack.run(operation, input)).toMatchObject({ state: 'succeeded', result: { got } });
    expect(performance.now() - start).toBeLessThan(TIME_MS);
  });
});

describe('an input that the schema of its operation refuses for certain', () => {
  it.each<[string, unknown, string, string]>([
    ['check.sizes', { width: 'x' }, '/width', 'must be a number, not text'],
    ['check.sizes', { width: 1, url: 'nowhere' }, '/url', 'must be a URL'],
    ['check.sizes', { width: 1, height: 1 }, '/height', 'is not a field that is known here'],
    ['check.sizes', {}, '/width', 'is missing'],
    ['check.trim', 7, '', 'must be text, not a number'],
    ['check.legacy', { name: 'a b', size: 1 }, '/name', 'must match the pattern ^[\\w-.]+$'],
    ['check.legacy', { name: 'a', size: 'x' }, '/size', 'must be a number, not text'],
    ['check.tree', tree(2, { kind: 'x' }), '/inner/inner/kind', 'must be "leaf", "a", "b", "c" or "d"'],
  ])('is refused by one sentence for each path: %s %j', async (operation, input, path, message) => {
    expect(await refusalOf(operation, input)).toEqual([{ path, message }]);
  });

  it('is refused in a batch without harm to the others', async () => {
    const inputs = [{ width: 1 }, { width: 'x' }, { width: 2 }];
    const response = await stack.call('/v1/jobs/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jobs: inputs.map((input) => ({ operation: 'check.sizes', input })) }),
    });
    const results = await resultsOf(response);
    expect(results.map(({ status }) => status)).toEqual([202, 422, 202]);
    expect(results[1]).toMatchObject({ problem: { violations: [{ path: '/width' }] } });
  });

  it('is refused in time, however deeply it is nested', async () => {
    const start = performance.now();
    expect(await refusalOf('check.tree', tree(55, { kind: 'x' }))).toMatchObject([
      { path: expect.stringMatching(/^\/inner/) },
    ]);
    expect(performance.now() - start).toBeLessThan(TIME_MS);
  });
});

describe('a submission', () => {
  it('takes one call to the bridge, once its isolate knows the rules', async () => {
    await stack.run('check.sizes', { width: 1 });
    const { traceId } = await stack.run('check.sizes', { width: 2 });
    const spans = await stack.collector.waitForSpans(
      traceId,
      (all) =>
        ['send check.sizes', 'POST /v1/jobs'].every((name) => all.some((span) => shortName(span) === name)),
      60_000,
    );
    expect(spans.filter(({ name }) => name === 'bridge/submit')).toHaveLength(1);
  });
});

describe('a check that cannot be made to the end', () => {
  it('lets the input through, and is counted', async () => {
    const before = await unchecked('overBudget');
    await announce('foreign.union', {
      inputCheck: {
        items: { anyOf: Array.from({ length: 500 }, (_, index) => ({ required: [`k${index}`] })) },
      },
    });
    // The first item fits only the last form. No item is wrong, and there are too many to know.
    const input = Array.from({ length: 10_000 }, () => ({ k499: 1 }));
    const start = performance.now();
    expect((await stack.submit({ operation: 'foreign.union', input })).status).toBe(202);
    expect(performance.now() - start).toBeLessThan(TIME_MS);
    expect(await unchecked('overBudget')).toBe(before + 1);
  });
});

describe('an announcement of a worker in another language', () => {
  it('that holds no check has nothing refused at the edge', async () => {
    await announce('foreign.plain', { inputSchema: { type: 'number' } });
    expect((await stack.submit({ operation: 'foreign.plain', input: 'x' })).status).toBe(202);
  });

  it('that changes its check is followed at once', async () => {
    await announce('foreign.changing', { inputCheck: { type: 'number' } });
    expect(await refusalOf('foreign.changing', 'x')).toMatchObject([
      { message: 'must be a number, not text' },
    ]);
    await announce('foreign.changing', { inputCheck: { type: 'string' } });
    await until(
      'the new check to be known',
      async () => (await stack.submit({ operation: 'foreign.changing', input: 'x' })).status === 202,
    );
    expect(await refusalOf('foreign.changing', 7)).toMatchObject([{ message: 'must be text, not a number' }]);
  });
});

describe('GET /v1/operations', () => {
  it('shows each schema as it is, and how much of it is checked before a job is accepted', async () => {
    const { operations } = await bodyOf(OperationList, stack.call('/v1/operations'));
    const edgeChecks = Object.fromEntries(
      operations.map((operation) => [operation.name, operation.edgeChecks]),
    );
    expect(edgeChecks).toMatchObject({
      echo: 'whole',
      'check.unique': 'whole',
      'check.trim': 'parts',
      'check.coerce': 'nothing',
    });
    expect(operations.find(({ name }) => name === 'check.trim')?.inputSchema).toMatchObject({
      type: 'string',
      maxLength: 3,
    });
    expect(operations.every((operation) => !('inputCheck' in operation))).toBe(true);
  });
});

it('while NATS is away inputs are checked by what was announced before', async () => {
  const away = await withTestStack(OPTIONS);
  await away.run('check.sizes', { width: 1 });
  await away.nats.kill('SIGKILL');
  const refused = await away.submit({ operation: 'check.sizes', input: { width: 'x' } });
  expect([refused.status, (await problemOf(refused)).violations]).toMatchObject([422, [{ path: '/width' }]]);
  const accepted = await away.submit({ operation: 'check.tree', input: tree(20) });
  expect([accepted.status, await accepted.json()]).toMatchObject([202, { durability: 'outbox' }]);
  expect((await away.submit({ operation: 'check.tree', input: tree(3, 1) })).status).toBe(422);
});
