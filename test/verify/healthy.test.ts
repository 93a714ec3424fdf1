import { beforeAll, describe, expect, it } from 'vitest';
import { CANARY_NAMES } from '../../cli/verify/send/canaries.ts';
import { JobPage } from '../../shared/api/answers/job-list.ts';
import { callHere } from '../support/cli/in-process.ts';
import { nowhere } from '../support/cli/servers.ts';
import { bodyOf } from '../support/http/answers.ts';
import { withTestStack } from '../support/stack.ts';
import { faultsOf, outcomesOf, startVerifyStack, type VerifyStack, verify } from './support/verify.ts';

let stack: VerifyStack;
beforeAll(async () => {
  stack = await startVerifyStack();
});

/** The outcome of each canary if all is well, and no job is in the outbox. */
const WHOLE = Object.fromEntries(CANARY_NAMES.map((name) => [name, name === 'outbox' ? 'skipped' : 'whole']));

describe('a healthy system', () => {
  it('has whole traces, whether this program exports spans or not', async () => {
    const args = ['--callback-url', stack.callbackUrl];
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: stack.collector.otlpUrl };
    const silent = await verify(stack, stack.collector.tracesUrl, args);
    const traced = await verify(stack, stack.collector.tracesUrl, args, environment);
    for (const { code, report } of [silent, traced]) {
      expect(report.canaries.flatMap(({ faults }) => faults)).toEqual([]);
      expect(outcomesOf(report)).toEqual(WHOLE);
      expect({ code, ok: report.ok }).toEqual({ code: 0, ok: true });
    }
    const plain = traced.report.canaries.find(({ canary }) => canary === 'plain');
    const spans = stack.collector.spans(plain?.traceId ?? '');
    const marked = spans.filter(({ attributes }) => attributes['user_agent.synthetic.type'] === 'test');
    expect(marked.map(({ service }) => service)).toEqual(['throughline-cli', 'throughline-worker']);
  });

  it('is told for a person, with what was skipped and why', async () => {
    const { code, stdout, stderr } = await callHere(
      stack,
      ['verify', '--canary', 'plain', '--traces-url', stack.collector.tracesUrl],
      {},
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^plain +whole +trace [0-9a-f]{32}\nevery trace is whole in /);
  });

  it('cannot be held to a canary that it has no means for', async () => {
    const { code, report } = await verify(stack, stack.collector.tracesUrl, [
      '--canary',
      'callback',
      '--canary',
      'outbox',
      '--timeout',
      '1s',
    ]);
    expect({ code, outcomes: outcomesOf(report) }).toEqual({
      code: 1,
      outcomes: { callback: 'broken', outbox: 'broken' },
    });
    expect(faultsOf(report, 'callback')[0]).toContain('--callback-url');
    expect(faultsOf(report, 'outbox')[0]).toContain('ACK_MODE=outbox');
  });
});

/** The ids of the newest jobs. */
async function jobIds(): Promise<string[]> {
  const { jobs } = await bodyOf(JobPage, stack.call('/v1/jobs'));
  return jobs.map(({ id }) => id);
}

describe('a trace store', () => {
  it('that cannot be reached ends it with 3, before anything is sent', async () => {
    const before = await jobIds();
    expect(before).not.toEqual([]);
    const args = ['verify', '--json', '--traces-url', `${await nowhere()}/traces`];
    const { code, stdout, stderr } = await callHere(stack, args, {});
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ code: 'traces-unreachable' });
    expect(await jobIds()).toEqual(before);
  });
});

it('a system whose jobs go through the outbox is held to that too', async () => {
  const slow = await withTestStack({ edge: { ACK_MODE: 'outbox' } });
  const { code, report } = await verify(slow, slow.collector.tracesUrl, ['--canary', 'outbox']);
  expect(faultsOf(report, 'outbox')).toEqual([]);
  expect({ code, outcomes: outcomesOf(report) }).toEqual({ code: 0, outcomes: { outbox: 'whole' } });
});

it('a system without the operation of the canaries is told how to get it', async () => {
  const without = await withTestStack({ worker: { WORKER_CANARY: 'false' } });
  const { code, report } = await verify(without, without.collector.tracesUrl, ['--canary', 'plain']);
  expect(code).toBe(1);
  expect(faultsOf(report, 'plain')[0]).toContain('WORKER_CANARY');
});
