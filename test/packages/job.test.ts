import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Edge, startEdge } from '../../dev/edge/start.ts';
import { type Child, startChild } from '../../dev/machine/child.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { WORKER_NODE } from '../../scripts/packages/catalog.ts';
import { createApiKey, hashApiKey } from '../../shared/api/access.ts';
import { until } from '../support/poll.ts';
import { UserProject } from './support/user-project.ts';
import { WRAPPED_EDGE } from './support/wrapped-edge.ts';

const WRANGLER = path.join(
  path.dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
  'bin/wrangler.js',
);
const DEV = 'node_modules/throughline/dist/cli/main.js';
/** The newest version of the API that an operation may bring. The worker has an older one. */
const NEWER_API = '1.10.0';
const START_MS = 60_000;
/** Where wrangler puts the Worker that wraps the edge. scripts/check-bundle.ts has the budget of the edge itself. */
const BUILT = 'built';
const WRAPPED_KIB = 220;

const OPERATION = `
import { trace } from '@opentelemetry/api';
import { defineOperation } from 'throughline/worker';
import * as z from 'zod';

const tracer = trace.getTracer('user');

export const greet = defineOperation({
  name: 'greet',
  input: z.object({ name: z.string() }),
  run: ({ input }) => tracer.startActiveSpan('greet somebody', (span) => {
    span.end();
    return { greeting: \`Hello \${input.name}\` };
  }),
});
`;
const CALLER = `
import { ThroughlineClient } from '@throughline/client';

const [url, apiKey] = process.argv.slice(2);
const client = new ThroughlineClient({ url, apiKey });
const { job } = await client.submit({ operation: 'greet', input: { name: 'Ada' } }, { waitSeconds: 30 });
console.log(JSON.stringify(job));
`;

interface Ready {
  readonly url: string;
  readonly apiKey: string;
  readonly natsWebSocketUrl: string;
  readonly otlpUrl: string;
  readonly tracesUrl: string;
}

let project: UserProject;
/** All but wrangler runs on the oldest Node that the packages are for. */
let node: string;
let stack: Child | undefined;
let ready: Ready;
const lines: string[] = [];

beforeAll(async () => {
  node = inject('oldestNode');
  project = await UserProject.with('all');
  const { dependencies } = createRequire(import.meta.url)('../../package.json') as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  await project.install([
    '@throughline/client',
    `zod@${dependencies.zod}`,
    `@opentelemetry/api@${NEWER_API}`,
  ]);
  expect((await project.run(node, '--version')).trim()).toBe(`v${WORKER_NODE.replace('>=', '')}`);
  await project.write('operations/greet.ts', OPERATION);
  await project.write('call.mjs', CALLER);
  await project.write('src/worker.ts', WRAPPED_EDGE);
  await project.write('wrangler.toml', await wranglerConfig());
  ready = await startDev();
});
afterAll(async () => {
  await stack?.terminate(30_000);
  await project.remove();
});

/** The wrangler.toml that scripts/packages/readme/edge.md shows. */
async function wranglerConfig(): Promise<string> {
  const page = await project.read('node_modules/@throughline/edge/README.md');
  const [, config] = /```toml\n([\s\S]*?)```/.exec(page) ?? [];
  if (config === undefined) throw new Error('the page shows no wrangler.toml');
  return config;
}

async function startDev(): Promise<Ready> {
  const located = inject('natsServer');
  if ('problem' in located) throw new Error(located.problem);
  const PATH = `${path.dirname(located.path)}${path.delimiter}${hostEnvironment().PATH}`;
  const flags = [
    '--port',
    '0',
    '--json',
    '--no-reload',
    '--operations',
    path.join(project.folder, 'operations'),
  ];
  stack = await startChild({
    command: node,
    args: [path.join(project.folder, DEV), 'dev', ...flags],
    environment: { ...hostEnvironment(), PATH },
    output: { onLine: (line) => lines.push(line) },
  });
  const text = await until('the stack', () => lines.find((line) => line.includes('"tracesUrl"')), START_MS);
  return JSON.parse(text) as Ready;
}

async function call(url: string, apiKey: string): Promise<{ id: string; state: string; result: unknown }> {
  return JSON.parse(await project.run(node, 'call.mjs', url, apiKey)) as never;
}

test('a job goes through the packages on the oldest Node, and its trace has the spans of an operation with a newer API', async () => {
  const job = await call(ready.url, ready.apiKey);
  expect(job).toMatchObject({ state: 'succeeded', result: { greeting: 'Hello Ada' } });
  const flags = ['--url', ready.url, '--api-key', ready.apiKey, '--traces-url', ready.tracesUrl];
  const trace = await project.run(node, DEV, 'trace', job.id, ...flags);
  expect(trace).toContain('greet somebody');
});

test(`a Worker that wraps the edge has at most ${WRAPPED_KIB} KiB after gzip, as wrangler would upload it`, async () => {
  await project.run(process.execPath, WRANGLER, 'deploy', '--dry-run', '--outdir', BUILT);
  const script = await readFile(path.join(project.folder, BUILT, 'worker.js'));
  expect(gzipSync(script, { level: 9 }).length / 1024).toBeLessThanOrEqual(WRAPPED_KIB);
});

test('a Worker that wraps the edge has routes and middleware of its own beside the API', async () => {
  const apiKey = createApiKey('own');
  const keys = [{ id: 'own', tenant: 'own', hash: await hashApiKey(apiKey) }];
  const edge = await startOwnEdge({ API_KEYS: JSON.stringify(keys), GREETING: 'moin' });
  try {
    const hello = await fetch(`${edge.url}/hello`);
    expect([await hello.text(), hello.headers.get('x-greeting')]).toEqual(['moin', 'moin']);
    const job = await call(edge.url, apiKey);
    expect(job).toMatchObject({ state: 'succeeded', result: { greeting: 'Hello Ada' } });
    const listed = await fetch(`${edge.url}/v1/jobs`, { headers: { authorization: `Bearer ${apiKey}` } });
    expect([listed.status, listed.headers.get('x-greeting')]).toEqual([200, 'moin']);
    expect(await (await fetch(`${edge.url}/later`)).json()).toEqual({ path: '/later' });
    const unknown = await fetch(`${edge.url}/nothing`);
    expect(await unknown.json()).toMatchObject({ status: 404, code: 'route-unknown' });
    expect(edgeLines.filter((line) => line.includes('setting ignored'))).toEqual([]);
  } finally {
    await edge.stop();
  }
});

const edgeLines: string[] = [];

async function startOwnEdge(bindings: Readonly<Record<string, string>>): Promise<Edge> {
  const manifest = await project.read('node_modules/@throughline/edge/package.json');
  const { workerd } = JSON.parse(manifest) as { readonly workerd: { date: string; flags: string[] } };
  return await startEdge({
    bundle: { scriptPath: path.join(project.folder, BUILT, 'worker.js'), compatibility: workerd },
    port: 0,
    bindings: { NATS_URL: ready.natsWebSocketUrl, ...bindings },
    onLog: (line) => edgeLines.push(line),
  });
}

test('the sources run on the oldest Node too, as a worker host has them', async () => {
  const settings = { NATS_URL: 'nats://127.0.0.1:1' };
  const worker = project.runWith(settings, node, path.resolve('cli/main.ts'), 'worker');
  await expect(worker).rejects.toThrow('cannot connect to NATS at nats://127.0.0.1:1');
});
