import { describe, expect, it, onTestFinished } from 'vitest';
import type { SystemReport } from '../../../cli/operate/system-report.ts';
import { run, runLocal } from '../../support/cli/process.ts';
import { readJob, submitJob } from '../../support/jobs.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

const OPTIONS = { operationsFolder: 'test/fixtures/operations', tracing: false };
const NOWHERE = 'nats://127.0.0.1:9';

async function status(
  stack: Pick<TestStack, 'url' | 'apiKey'>,
  environment: Record<string, string> = {},
): Promise<{ code: number | null; report: SystemReport }> {
  const { code, stdout } = await run(stack, ['status', '--json'], { environment });
  return { code, report: JSON.parse(stdout) };
}

describe('`status` of a system where all is well', () => {
  it('ends with 0, and shows edge, bridges, streams, groups, hosts, clocks and versions', async () => {
    const stack = await withTestStack(OPTIONS);
    const { code, report } = await status(stack, { NATS_URL: stack.nats.url });
    expect(report.wrong).toEqual([]);
    expect(code).toBe(0);
    expect(report).toMatchObject({
      ok: true,
      unasked: [],
      edge: { reached: true, ready: true, version: expect.any(String), deadLetters: { count: 0 } },
      nats: { server: { version: expect.any(String) }, groups: [{ name: 'workers' }] },
    });
    expect(report.nats?.streams.map(({ name, exists }) => exists && name)).toContain('JOBS');
    const text = await run(stack, ['status'], { environment: { NATS_URL: stack.nats.url } });
    expect(text.code).toBe(0);
    for (const line of [
      /^edge +http.*, ready$/m,
      /^bridge +\S+: open, \d+ ms to NATS, outbox 0 pending, 0 rejected$/m,
      /^hosts +1 alive$/m,
      /^stream +JOBS +0 messages, 0 B /m,
      /^group +workers >: 0 waiting, 0 under way, \S+/m,
      /^clock +this machine right, \S+ right$/m,
      /^versions +this program .*, edge .*, nats-server .*, workers /m,
      /^all is well$/m,
    ])
      expect(text.stdout).toMatch(line);
  });

  it('says which parts could not be asked, and why', async () => {
    const stack = await withTestStack(OPTIONS);
    const { code, report } = await status({ url: stack.url, apiKey: stack.apiKey });
    expect({ code, unasked: report.unasked }).toEqual({
      code: 0,
      unasked: [
        { part: 'NATS directly', why: expect.stringContaining('NATS_URL is not set'), isFault: false },
      ],
    });
    expect(report.nats).toBeUndefined();
  });
});

describe('`status` of a system with a fault ends with 1, and says it in a sentence', () => {
  const expectFault = async (
    asked: Promise<{ code: number | null; report: SystemReport }>,
    fault: string,
  ): Promise<SystemReport> => {
    const { code, report } = await asked;
    expect({ code, codes: report.wrong.map((one) => one.code) }).toEqual({ code: 1, codes: [fault] });
    for (const { cause, advice, evidence } of report.wrong) {
      for (const sentence of [cause, advice]) expect(sentence).toMatch(/^\S.*\S$/);
      expect(evidence.length).toBeGreaterThan(0);
    }
    return report;
  };

  it('no edge', async () => {
    const stack = { url: 'http://127.0.0.1:9999', apiKey: 'tl_ci_0123456789012345678901' };
    await expectFault(status(stack), 'edge-unreachable');
    const text = await run(stack, ['status']);
    expect(text.stdout).toContain(
      'the edge at http://127.0.0.1:9999 does not answer as an API of Throughline',
    );
  });

  it('a key that is not valid', async () => {
    const stack = await withTestStack(OPTIONS);
    await expectFault(status({ url: stack.url, apiKey: 'tl_ci_0123456789012345678901' }), 'key-invalid');
  });

  it('NATS cannot be asked', async () => {
    const stack = await withTestStack(OPTIONS);
    const report = await expectFault(status(stack, { NATS_URL: NOWHERE }), 'nats-unreachable');
    expect(report.unasked).toEqual([
      { part: 'NATS directly', why: expect.stringContaining('cannot connect'), isFault: true },
    ]);
  });

  it('streams are missing', async () => {
    const stack = await withTestStack(OPTIONS);
    const empty = await startTestNats();
    onTestFinished(() => empty.stop());
    const report = await expectFault(status(stack, { NATS_URL: empty.url }), 'stream-missing');
    expect(report.wrong[0]?.evidence).toContain('JOBS is missing');
  });

  it('no worker', async () => {
    const stack = await withTestStack(OPTIONS);
    await stack.worker.stop();
    const { id } = await submitJob(stack, 'echo', 1);
    await until('the job to wait', async () => (await readJob(stack, id)).served === false);
    const { code, report } = await status(stack, { NATS_URL: stack.nats.url });
    expect(code).toBe(1);
    expect(report.wrong.map((one) => one.code)).toEqual(['no-worker']);
    expect(JSON.stringify(report.wrong)).toContain('which has no host that is alive');
  });
});

it('`status` is refused with a sentence when a setting of the command line is wrong', async () => {
  const { code, stderr } = await runLocal(['status', '--url', 'nonsense'], {});
  expect(code).toBe(2);
  expect(stderr).toContain('--url or THROUGHLINE_URL');
});
