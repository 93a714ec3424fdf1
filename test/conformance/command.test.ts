import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { PRODUCER_CASES } from '../../cli/conformance/producer/cases.ts';
import type { CaseReport } from '../../cli/conformance/report.ts';
import { runCli } from '../../cli/program.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { atEndOfFile, scratchFolder } from '../support/cleanup.ts';
import { startTestNats } from '../support/nats/nats.ts';
import { fixture } from './support.ts';

const nats = await startTestNats();
atEndOfFile(() => nats.stop());

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `throughline conformance` in this process. */
async function conformance(args: readonly string[], environment: Record<string, string> = {}): Promise<Run> {
  const written = { stdout: '', stderr: '' };
  const write = (name: keyof typeof written) => (text: string) => {
    written[name] += text;
  };
  const code = await runCli(['conformance', ...args], {
    environment: { ...hostEnvironment(), ...environment },
    stdin: Readable.from([]),
    stdout: { write: write('stdout') },
    stderr: { write: write('stderr') },
  });
  return { code, ...written };
}

const PRODUCER = fixture('plain-producer/producer.ts');

it('a producer that conforms passes each case, and the exit code is 0', async () => {
  const { code, stdout } = await conformance(['producer', '--nats', nats.url, '--json', '--', ...PRODUCER]);
  const report = JSON.parse(stdout);
  expect({
    code,
    ok: report.ok,
    faults: report.cases.flatMap((one: { faults: unknown[] }) => one.faults),
  }).toEqual({
    code: 0,
    ok: true,
    faults: [],
  });
  expect(report.cases.map((one: { case: string }) => one.case)).toEqual(
    PRODUCER_CASES.map(({ name }) => name),
  );
});

it.each([
  ['wrong-lane', 'subject', 'job-lane'],
  ['one-lane-for-all', 'subject', 'job-lane'],
  ['two-jobs', 'job-ids', 'job-id'],
  ['always-sampled', 'context', 'job-context'],
  ['no-acknowledgement', 'stored', 'job-stored'],
  ['wrapped-body', 'body', 'job-body'],
  ['no-message-id', 'message-id', 'job-msg-id'],
  ['no-context', 'context', 'job-context'],
  ['no-span', 'context', 'job-context'],
  ['no-baggage', 'tracestate-and-baggage', 'job-tracestate'],
  ['no-cloudevent', 'cloudevent', 'job-cloudevent'],
])('a producer with the fault %s fails the case %s', async (sabotage, name, sentence) => {
  const args = ['producer', '--nats', nats.url, '--json', '--', ...PRODUCER];
  const { code, stdout } = await conformance(args, { SABOTAGE: sabotage });
  const failed = JSON.parse(stdout).cases.filter((one: { outcome: string }) => one.outcome === 'failed');
  expect(code).toBe(1);
  const sentences = failed.map((one: CaseReport) => [
    one.case,
    ...new Set(one.faults.map((fault) => fault.sentence)),
  ]);
  expect(sentences).toEqual([[name, sentence]]);
});

it('a producer that gives all its jobs one id fails, and its second job is not stored', async () => {
  const { code, cases } = await producerReport({ SABOTAGE: 'one-id-for-all' });
  const failed = cases.filter(({ outcome }) => outcome === 'failed').map((one) => one.case);
  expect({ code, failed }).toEqual({ code: 1, failed: ['job-ids', 'stored'] });
});

const producerReport = async (environment: Record<string, string>) => {
  const { code, stdout } = await conformance(
    ['producer', '--nats', nats.url, '--json', '--', ...PRODUCER],
    environment,
  );
  const cases = JSON.parse(stdout).cases as readonly CaseReport[];
  return { code, cases, structured: cases.find((one) => one.case === 'structured-mode') };
};

it('a producer that writes structured mode passes each case; the case for it is skipped in binary mode', async () => {
  const { code, cases } = await producerReport({ MODE: 'structured' });
  expect(code).toBe(0);
  expect(cases.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
  const binary = await producerReport({});
  expect(binary.structured).toMatchObject({ outcome: 'skipped', why: 'the message is in binary mode' });
});

it.each(['event-without-id', 'other-data'])(
  'a producer in structured mode with the fault %s fails the case structured-mode',
  async (sabotage) => {
    const { code, structured } = await producerReport({ MODE: 'structured', SABOTAGE: sabotage });
    expect(code).toBe(1);
    expect(structured?.faults.map(({ sentence }) => sentence)).toEqual(['job-structured']);
  },
);

it('a table says what was seen, and which sentence of the page does not hold', async () => {
  const args = ['producer', '--nats', nats.url, '--case', 'context', '--', ...PRODUCER];
  const { code, stdout } = await conformance(args, { SABOTAGE: 'no-context' });
  expect(code).toBe(1);
  expect(stdout).toContain('docs/PROTOCOL.md#job-context: A producer that has a trace context MUST write it');
  expect(stdout).toContain('seen: there are 0 traceparent');
  expect(stdout).toContain('the producer does not conform: 0 passed, 1 failed');
});

it.each([
  ['a case that does not exist', ['--case', 'no-such', '--', 'true'], 'there is no case no-such'],
  ['a sentence in place of a case', ['--case', 'read-bare', '--', 'true'], 'is checked by no-headers'],
  ['a program that cannot be started', ['--', '/no/such/program'], 'cannot be started'],
  [
    'a program that ends at once',
    ['--', process.execPath, '-e', 'console.log("bye")'],
    'ended with exit code 0 before it asked',
  ],
  [
    'a program that a signal ends',
    ['--', process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'],
    'was ended by SIGKILL',
  ],
  [
    'a program that never asks for jobs',
    ['--start-timeout', '1s', '--', 'sleep', '1000'],
    'has not asked for jobs of conformance.echo',
  ],
  [
    'a program that writes only garbage',
    ['--start-timeout', '1s', '--', 'cat', '/dev/urandom'],
    'its last lines: ',
  ],
  [
    'a program whose line never ends',
    ['--start-timeout', '1s', '--', 'cat', '/dev/zero'],
    'it has ended no line',
  ],
])('%s is wrong usage', async (_what, args, sentence) => {
  const { code, stderr } = await conformance(['worker', '--nats', nats.url, ...args]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(sentence) });
});

it.each([
  ['worker', 'nope-prog'],
  ['producer', './nope-prog'],
])('a %s that does not exist is told before NATS is asked for', async (of, program) => {
  const { code, stderr } = await conformance([of, '--nats', 'nats://127.0.0.1:1', '--', program]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: `error: the program under test cannot be started: there is no program ${program}\n`,
  });
});

it('a worker that a job ends is told, with its exit code, its last lines and the case', async () => {
  const cases = ['echo', 'big-result', 'retry'].flatMap((name) => ['--case', name]);
  const args = ['worker', '--nats', nats.url, ...cases, '--', ...fixture('plain-worker/worker.ts')];
  const { code, stdout } = await conformance(args, { SABOTAGE: 'dies-of-a-job' });
  expect({ code, stdout }).toEqual({
    code: 1,
    stdout: expect.stringContaining(
      'the worker under test ended with exit code 3 while the case big-result ran; its last lines: out of paper',
    ),
  });
  expect(stdout).toContain('2 passed, 1 failed');
});

it('a producer that never ends is wrong usage', async () => {
  const args = ['producer', '--nats', nats.url, '--timeout', '1s', '--', 'sleep', '1000'];
  const { code, stderr } = await conformance(args);
  const sentence = 'has published nothing on jobs.>, and had not ended after 1000 ms';
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(sentence) });
});

it.each([
  ['SIGINT', 130, 'interrupted'],
  ['SIGTERM', 143, 'ended by SIGTERM'],
] as const)('%s ends the harness and the worker, while cases run', async (signal, code, sentence) => {
  const pidFile = path.join(await scratchFolder(), 'pid');
  const worker = ['sh', '-c', `echo $$ > ${pidFile}; exec "$@"`, 'sh', ...fixture('plain-worker/worker.ts')];
  const main = path.join(import.meta.dirname, '../../cli/main.ts');
  const harness = spawn(
    process.execPath,
    [main, 'conformance', 'worker', '--nats', nats.url, '--', ...worker],
    {
      env: hostEnvironment(),
    },
  );
  const stderr = text(harness.stderr);
  await once(harness.stdout, 'data');
  harness.kill(signal);
  const [ended] = await once(harness, 'exit');
  const pid = Number(await readFile(pidFile, 'utf8'));
  expect({ ended, stderr: await stderr }).toEqual({ ended: code, stderr: expect.stringContaining(sentence) });
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

it('a skipped case is told, and does not fail', async () => {
  const args = ['producer', '--nats', nats.url, '--skip', 'context', '--json', '--', ...PRODUCER];
  const { code, stdout } = await conformance(args, { SABOTAGE: 'no-context' });
  const { outcome } = JSON.parse(stdout).cases.find((one: { case: string }) => one.case === 'context');
  expect({ code, outcome }).toEqual({ code: 0, outcome: 'skipped' });
});

it('a server of its own is started, and its store is empty', async () => {
  const { code, stdout } = await conformance(['producer', '--json', '--', ...PRODUCER]);
  expect({ code, ok: JSON.parse(stdout).ok }).toEqual({ code: 0, ok: true });
});

it('a worker is started with what the page promises', async () => {
  const script = path.join(import.meta.dirname, '../fixtures/print-environment.mjs');
  const { stderr } = await conformance(['worker', '--nats', nats.url, '--', process.execPath, script]);
  for (const name of ['NATS_URL', 'WORKER_GROUP', 'WORKER_NAME', 'WORKER_OPERATIONS', 'WORKER_ACK_WAIT_MS'])
    expect(stderr).toContain(`${name}=`);
});
