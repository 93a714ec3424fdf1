import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { EXIT } from '../../../cli/exit-code.ts';
import { startEdge } from '../../../dev/edge/start.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import { type Ended, runLocal } from '../../support/cli/process.ts';
import { answer, serve, serveTls } from '../../support/cli/servers.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

/** Runs a worker host with the given settings to its end. */
function worker(environment: Record<string, string>, ...args: string[]): Promise<Ended> {
  return runLocal(['worker', ...args], { HEALTH_PORT: '0', ...environment });
}

it.each([
  [{ NATS_URL: 'http://x' }, 'NATS_URL: must be a URL that starts with nats:// or tls:// or ws:// or wss://'],
  [{ WORKER_CONCURRENCY: '0' }, 'WORKER_CONCURRENCY: must be a whole number from 1 to 10000'],
  [{ WORKER_GROUP: 'a.b' }, 'WORKER_GROUP: must be 1 to 64 letters, digits, "_" or "-"'],
  [
    { TARGET_ADDRESSES_ALLOW: '10.0.0.0/33' },
    'TARGET_ADDRESSES_ALLOW: "10.0.0.0/33" is not an address or a range',
  ],
  [{ BAGGAGE_ALLOW: 'x' }, 'BAGGAGE_ALLOW: "x" is not an origin'],
  [{ HTTP_REQUEST_ALLOW: 'ftp://x' }, 'HTTP_REQUEST_ALLOW: "ftp://x" is not an origin'],
])(
  'a worker with %j does not start, says why, and ends with the code after which systemd does not try again',
  async (environment: Record<string, string>, sentence) => {
    const { code, stderr } = await worker(environment);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain('    at ');
    expect(code).toBe(EXIT.settings.code);
  },
);

it('a worker that cannot reach NATS says so, and ends with a code after which systemd tries again', async () => {
  const { code, stderr } = await worker({ NATS_URL: 'nats://127.0.0.1:1' });
  expect(stderr).toContain('cannot connect to NATS at nats://127.0.0.1:1');
  expect(code).toBe(EXIT.unavailable.code);
});

it('a worker whose operations folder is missing names it', async () => {
  const { code, stderr } = await worker({}, 'no-such-folder');
  expect(stderr).toContain('the operations folder no-such-folder cannot be read');
  expect(code).toBe(EXIT.settings.code);
});

it('a worker refuses a stream whose settings break a promise, and names the setting', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const connection = await connect({ servers: nats.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'JOBS', subjects: ['jobs.>'], discard: 'old', retention: 'workqueue' });
  await connection.close();
  const { code, stderr } = await worker({ NATS_URL: nats.url });
  expect(stderr).toContain('stream JOBS: discard is "old", but must be "new"');
  // NATS can be mended meanwhile, so systemd tries again.
  expect(code).toBe(EXIT.usage.code);
});

it('a worker that may not subscribe to cancels does not start', async () => {
  const user = 'user: deaf, password: deaf, permissions: {subscribe: {deny: ["cancel.>"]}}';
  const nats = await startTestNats({ extraConfig: `authorization {users: [{${user}}]}` });
  onTestFinished(() => nats.stop());
  const { code, stderr } = await worker({ NATS_URL: nats.url, NATS_USER: 'deaf', NATS_PASSWORD: 'deaf' });
  expect(stderr).toContain('this user may not subscribe to cancel.>');
  expect(code).toBeGreaterThan(0);
});

it.each([
  [{ NATS_URI: 'ws://canary' }, 'NATS_URL: must be a URL that starts with ws:// or wss://'],
  [{ NATS_URL: 'ws://127.0.0.1:1', API_KEYS: '[{"id":"a"}]' }, 'API_KEYS: must be a JSON list'],
  [
    { NATS_URL: 'ws://127.0.0.1:1', API_KEYS: '[]', TRACE_TRUST: 'everyone' },
    'TRACE_TRUST: must be authenticated, all or none',
  ],
])('an edge with %j answers every request with 500 and names the setting', async (bindings, sentence) => {
  const edge = inject('edge');
  if ('problem' in edge) throw new Error(edge.problem);
  const lines: string[] = [];
  const { url, stop } = await startEdge({
    bundle: edge,
    port: 0,
    bindings: bindings as Record<string, string>,
    onLog: (line) => lines.push(line),
  });
  onTestFinished(stop);
  const response = await fetch(`${url}/healthz`);
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({
    code: 'config-invalid',
    detail: expect.stringContaining(sentence),
  });
  const logged = sentence.replaceAll('"', '\\"');
  // The log line and the answer come separately.
  await until('the log line', () => lines.join('\n').includes(logged));
  const hints = 'NATS_URI' in bindings ? ['did you mean NATS_URL?'] : [];
  for (const hint of hints) expect(lines.join('\n')).toContain(hint);
  expect(lines.join('\n')).not.toContain('canary');
});

it('settings that change nothing stop no program: they are named in its log, with their likely names', async () => {
  const ignored = {
    OTEL_SDK_DISABLED: 'sesame',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'sesame:4318',
    OTEL_SPAN_LINK_COUNT_LIMIT: 'many',
    OTEL_TRACES_SAMPLER: 'jaeger_remote',
    OTEL_BSP_SCHEDULE_DELAY: '10000000',
    // With this header, no span could be sent.
    OTEL_EXPORTER_OTLP_HEADERS: 'bad name=sesame',
  };
  const stack = await withTestStack({
    edge: { ...ignored, BRIDGE_SHARD: '2' },
    worker: { ...ignored, WORKER_CONCURENCY: '5', OTEL_METRICS_EXPORTER: 'prometheus' },
  });
  const job = await stack.run('echo', 1);
  expect(job.state).toBe('succeeded');
  // The general endpoint is valid, so there are spans of both all the same.
  await stack.collector.waitForSpans(
    job.traceId,
    (spans) =>
      ['POST /v1/jobs', 'process echo'].every((wanted) => spans.some((span) => shortName(span) === wanted)),
    60_000,
  );
  const reasonsOf = (part: string): string[] =>
    stack
      .logs()
      .filter(({ msg, service }) => msg === 'setting ignored' && service === part)
      .map(({ reason }) => String(reason));
  const common = Object.keys(ignored).map((name) =>
    expect.stringMatching(new RegExp(`^${name}: .* ignored$`)),
  );
  const unread = (name: string, program: string, meant: string): string =>
    `${name} is not a setting of ${program}, so it changes nothing; did you mean ${meant}?`;
  expect(reasonsOf('throughline-edge')).toEqual([
    ...common,
    unread('BRIDGE_SHARD', 'the edge', 'BRIDGE_SHARDS'),
  ]);
  const worker = [
    unread('WORKER_CONCURENCY', 'the worker', 'WORKER_CONCURRENCY'),
    'OTEL_METRICS_EXPORTER: must be none or otlp; the value is ignored',
    ...common,
  ];
  expect(reasonsOf('throughline-worker')).toHaveLength(worker.length);
  expect(reasonsOf('throughline-worker')).toEqual(expect.arrayContaining(worker));
  expect(stack.lines.join('\n')).not.toContain('sesame');
});

/** Starts an edge that cannot reach NATS. @returns what it answers, and the line that it logs */
async function withoutNats(settings: Record<string, string>): Promise<{ answer: string; line: string }> {
  const edge = inject('edge');
  if ('problem' in edge) throw new Error(edge.problem);
  const lines: string[] = [];
  const { url, stop } = await startEdge({
    bundle: edge,
    port: 0,
    bindings: { API_KEYS: '[]', ...settings },
    onLog: (line) => lines.push(line),
  });
  onTestFinished(stop);
  const answer = await (await fetch(`${url}/readyz`)).text();
  const line = await until('the log line', () => lines.find((one) => one.includes('cannot connect to NATS')));
  return { answer, line };
}

it('an edge runs with the earliest compatibility date that docs/PACKAGES.md names', async () => {
  const edge = inject('edge');
  if ('problem' in edge) throw new Error(edge.problem);
  const compatibility = { date: '2024-09-23', flags: ['nodejs_compat'] };
  const stack = await withTestStack({ bundle: { ...edge, compatibility }, tracing: false });
  expect(await stack.run('echo', 'hello')).toMatchObject({ state: 'succeeded' });
});

it('an edge that cannot log in to NATS logs why, which no caller reads', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const block = (what: string, text: string) => `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n`;
  const creds = block('NATS USER JWT', 'canary') + block('USER NKEY SEED', 'SUCANARY');
  const { answer, line } = await withoutNats({ NATS_URL: nats.webSocketUrl, NATS_CREDS: creds });
  expect(line).toContain('"cause":"nkeys: ');
  expect(line + answer).not.toMatch(/canary/i);
  expect(answer).not.toContain('nkeys');
});

describe('an edge logs why no connection opens, which no caller reads', () => {
  it.each([
    ['no program', async () => `ws://127.0.0.1:${await findFreePort()}`, 'Network connection lost.'],
    ['a program that is not NATS', async () => (await serve(() => answer(404, {}))).url, 'but received 404'],
    ['a certificate of an own authority', serveTls, 'it may be the certificate'],
  ])('%s', async (what, start, why) => {
    const address = (await start()).replace('http', what.includes('certificate') ? 'wss' : 'ws');
    const { answer: told, line } = await withoutNats({ NATS_URL: address });
    const { reason, cause } = JSON.parse(line);
    expect(reason).toBe('the message broker cannot be reached: the connection failed');
    expect(cause).toMatch(/^no WebSocket opens there: (?!Uncaught)/);
    expect(cause).toContain(why);
    expect(told).not.toContain('WebSocket');
  });
});
