import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { scratchFolder } from '../../support/cleanup.ts';
import { lookAtCaller, OTHER_API } from '../../support/cli/fake-api.ts';
import { describeOptions, leaves } from '../../support/cli/options.ts';

const BATCH = join(await scratchFolder(), 'jobs.jsonl');
beforeAll(async () => {
  await writeFile(BATCH, '{"operation":"echo","input":1}\n{"operation":"echo","input":2}\n');
});

/**
 * They start or change something outside: test/e2e/nats/flags.test.ts, test/e2e/trace/broker/broker-spans.test.ts, test/unit/dev/main.test.ts,
 * test/unit/create/project.test.ts, test/unit/cli/commands/config.test.ts, test/unit/cli/verify/verify.test.ts and
 * test/verify and test/conformance look at them.
 */
const ELSEWHERE = [
  'dev',
  'init',
  'setup',
  'broker-spans',
  'groups list',
  'groups move',
  'groups remove',
  'workers',
  'pause',
  'resume',
  'verify',
  'conformance worker',
  'conformance producer',
  'config list',
  'config set',
  'config use',
  'config remove',
];

const BASES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  submit: [['echo', '1'], ['--batch', BATCH], []],
  get: [['job-1']],
  list: [[]],
  watch: [['slow-1']],
  cancel: [['job-1'], ['--all', '--yes'], ['--all'], []],
  trace: [['job-1']],
  logs: [['job-1']],
  'groups permissions': [['images', 'image.>']],
  usage: [[]],
  operations: [[]],
  status: [[]],
  doctor: [[], ['job-1']],
  types: [[], ['--out', '/no/such/folder/operations.d.ts']],
  'dead-letters list': [[]],
  'dead-letters show': [['job-1']],
  'dead-letters redrive': [['job-1'], ['--all', '--yes'], ['--all'], []],
  'outbox list': [[]],
  'outbox retry': [['job-1']],
  'outbox remove': [['job-1-r1']],
  'schedules list': [[]],
  'schedules show': [['nightly']],
  'schedules put': [
    ['nightly', 'echo', '1', '--cron', '30 2 * * *'],
    ['nightly', 'echo'],
  ],
  'schedules delete': [['nightly']],
  'schedules pause': [['nightly']],
  'schedules resume': [['nightly']],
  'schedules trigger': [['nightly']],
  completion: [['bash']],
  man: [[]],
  worker: [[]],
  'keys create': [['ci', '--tenant', 'acme'], ['ci']],
  'keys hash': [[]],
  'callbacks secret': [[], ['--json']],
};

const VALUES: Readonly<Record<string, readonly string[]>> = {
  '--json': [],
  '--debug': [],
  '--url': [OTHER_API],
  '--api-key': ['tl_ci_0123456789012345678901'],
  '--wait': ['7'],
  '--follow': [],
  '--batch': [BATCH],
  '--baggage': ['user=ada'],
  '--idempotency-key': ['once'],
  '--delay': ['90s'],
  '--callback': ['https://acme.example/hook'],
  '--timeout': ['1ms'],
  '--max-attempts': ['2'],
  '--priority': ['high'],
  '--ordering-key': ['customer-7'],
  '--tag': ['night'],
  '--own-lanes': ['acme'],
  '--unique-key': ['daily'],
  '--unique-while': ['queued'],
  '--unique-for': ['10m'],
  '--state': ['failed'],
  '--operation': ['image.thumbnail'],
  '--reason': ['operation-timeout'],
  '--since': ['2026-01-02T00:00:00Z'],
  '--until': ['2025-01-02T00:00:00Z'],
  '--watch': ['1ms'],
  '--limit': ['7'],
  '--cursor': ['c1'],
  '--cron': ['30 2 * * *'],
  '--every': ['90s'],
  '--time-zone': ['Europe/Berlin'],
  '--catch-up': ['all'],
  '--overlap': ['skip'],
  '--paused': [],
  '--all': [],
  '--yes': [],
  '--edit': [],
  '--events': [],
  '--profile': ['other'],
  '--logs-url': [`${OTHER_API}/logs/{jobId}`],
  '--traces-url': [`${OTHER_API}/traces`],
  '--tenant': ['acme'],
  '--scope': ['jobs:read'],
  // A file that can be looked for, and not be written: each look leaves it as it was.
  '--out': ['/no/such/folder/operations.d.ts'],
  '--check': [],
};

describeOptions({
  bases: BASES,
  values: VALUES,
  scenarios: ['works', 'fails', 'misused'],
  look: lookAtCaller,
  // The settings of the worker in this test are refused.
  refused: ['worker'],
});

it('every command is looked at', () => {
  const names = leaves().map(({ name }) => name);
  expect(names.sort()).toEqual([...Object.keys(BASES), ...ELSEWHERE].sort());
});

it('`dev` takes its options after its name only', async () => {
  for (const outer of [['--json'], ['--debug'], ['--url', OTHER_API]]) {
    const { code, stderr } = await lookAtCaller([...outer, 'dev'], 'works');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('has no meaning for dev') });
  }
});
