import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { locateNatsServer } from '../../dev/nats-binary/locate.ts';
import { Job } from '../../shared/job/job.ts';
import { ROOT, type RunbookHost, readSteps } from '../support/deploy/runbook.ts';
import { Site } from '../support/deploy/site.ts';
import { SiteCluster } from '../support/deploy/site-cluster.ts';
import { SiteEdge } from '../support/deploy/site-edge.ts';
import { until } from '../support/poll.ts';

// The steps of deploy/README.md, in its order: each test goes on where the one before it ended.

/** The version before and after the upgrade. */
const [OLD, NEW] = ['2.14.5', '2.15.2'];
const NUMBERS = [1, 2, 3];

const taken = new Set<string>();
let site: Site;
let nats: RunbookHost;
let workers: readonly RunbookHost[];
let first: RunbookHost;
let second: RunbookHost;
let edge: SiteEdge;

beforeAll(async () => {
  site = await Site.make({ version: OLD }, taken);
  nats = await site.natsHost(1);
  [first, second] = [await site.workerHost(1), await site.workerHost(2)];
  workers = [first, second];
});

const stopWorkers = async (): Promise<void> => {
  for (const host of workers) await host.shell('systemctl stop throughline-worker');
};

/** Runs a step, and once more, as somebody does who is not sure whether it went through. */
async function twice(host: RunbookHost, step: string): Promise<void> {
  await host.step(step);
  await host.step(step);
}

/** Another operation than the one that is added later. */
async function otherOperation(host: RunbookHost): Promise<void> {
  const folder = '/opt/throughline/operations';
  const text = await readFile(path.join(ROOT, 'examples/operations/text-count.ts'), 'utf8');
  await writeFile(host.at(`${folder}/text-size.ts`), text.replaceAll('text.count', 'text.size'));
  await host.shell(`rm ${folder}/text-count.ts`);
}

it('a copy of the files that broke off is made as a whole when the step is run again', async () => {
  await nats.step('certificates');
  for (const program of ['cp', 'install']) {
    const standIn = nats.at(`/usr/local/bin/${program}`);
    await writeFile(standIn, '#!/bin/sh\nfor last; do :; done\nmkdir -p "$last"\nexit 1\n', { mode: 0o755 });
    await expect(nats.step('nats-files')).rejects.toThrow();
    await rm(standIn);
  }
  await nats.step('nats-files');
  expect((await nats.shell('ls /etc/throughline/nats')).split('\n')).toEqual(
    (await nats.shell('ls deploy/nats')).split('\n'),
  );
  expect(await nats.read('/etc/throughline/nats.env')).toMatch(/^NATS_EDGE_PASSWORD=p/m);
});

it('certificates, passwords, and one nats-server', async () => {
  await nats.step('certificates');
  await nats.step('nats-files');
  await site.fillNats(1);
  await nats.step('nats-start');
  expect(await nats.log('nats-server')).toContain('Server is ready');
});

it('the same steps again keep the authority, the passwords, and what was changed in a file', async () => {
  const kept = ['tls/ca.crt', 'nats.env', 'nats/accounts.conf'].map((name) => `/etc/throughline/${name}`);
  await nats.shell("echo '# changed by hand' >> /etc/throughline/nats/accounts.conf");
  const texts = () => Promise.all(kept.map((file) => nats.read(file)));
  const before = await texts();
  await nats.step('certificates');
  await nats.step('nats-files');
  expect(await texts()).toEqual(before);
  expect(await nats.shell('ls /etc/throughline/nats')).not.toMatch(/^nats$/m);
  await nats.step('nats-start');
});

it('a new certificate without the key of the authority is refused, and leaves the one that is there', async () => {
  const kept = ['server.key', 'server.crt'].map((name) => `/etc/throughline/tls/${name}`);
  const texts = () => Promise.all(kept.map((file) => nats.read(file)));
  const before = await texts();
  await nats.shell('mv /etc/throughline/tls/ca.key /etc/throughline/ca.key');
  await expect(nats.step('certificates')).rejects.toThrow('ca.key');
  await nats.shell('mv /etc/throughline/ca.key /etc/throughline/tls/ca.key');
  expect(await texts()).toEqual(before);
});

it('the streams', async () => {
  expect(await nats.step('setup')).toMatch(/^JOBS +created/m);
  expect(await nats.step('setup')).toMatch(/^JOBS +found/m);
});

it('two workers', async () => {
  await first.step('worker-files');
  await first.fill('/etc/throughline/worker.env', { WORKER_CONCURRENCY: '7' });
  await first.step('worker-files');
  expect(await first.read('/etc/throughline/worker.env')).toMatch(/^WORKER_CONCURRENCY=7$/m);
  // The same on the other host, without a second download of the packages.
  for (const folder of ['/opt/throughline', '/etc']) await site.hand(first, second, folder);
  for (const host of workers) {
    await otherOperation(host);
    await site.fillWorker(host);
    await host.step('worker-start');
    await until('the log line', async () => (await host.log('throughline-worker')).includes('worker ready'));
  }
});

it('the edge, a key, and a job', async () => {
  edge = await SiteEdge.make(site, await nats.step('api-key'));
  await edge.deploy([1]);
  const caller = await site.caller(edge.url, edge.apiKey);
  expect(await caller.step('try')).toContain('world');
});

it('a rolling restart while jobs come: each succeeds at its first attempt', async () => {
  const load = edge.load('echo');
  for (const host of workers) await host.step('rolling-restart');
  for (const job of await load.end()) expect(job).toMatchObject({ state: 'succeeded', attempt: 1 });
});

it('another operation', async () => {
  const body = JSON.stringify({ operation: 'text.count', input: { text: 'two words' } });
  const unknown = await edge.call('/v1/jobs', { method: 'POST', body });
  expect(unknown.status).toBe(422);
  for (const host of workers) {
    await host.step('add-operation');
    await host.step('rolling-restart');
  }
  expect(await edge.run('text.count', { text: 'two words' })).toMatchObject({ state: 'succeeded' });
});

it('a user for a worker group', async () => {
  await twice(nats, 'group-user');
  const { NATS_WORKER_IMAGES_PASSWORD = '' } = await site.variables();
  await until('the user', async () => !(await site.isRefused('worker-images', NATS_WORKER_IMAGES_PASSWORD)));
});

it('message tracing: jobs run on, and NATS drops nothing', async () => {
  await twice(nats, 'broker-traces');
  const { NATS_TRACES_PASSWORD = '' } = await site.variables();
  for (const user of ['traces', 'traces-worker'])
    await until(`the user ${user}`, async () => !(await site.isRefused(user, NATS_TRACES_PASSWORD)));
  const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  const body = JSON.stringify({ operation: 'text.count', input: { text: 'traced' } });
  const accepted = await until('the job to be accepted', async () => {
    const response = await edge.call('/v1/jobs', { method: 'POST', body, headers });
    return response.ok && Job.parse(await response.json());
  });
  expect(await edge.ended(accepted)).toMatchObject({ state: 'succeeded' });
  expect(await nats.log('nats-server')).not.toContain('Subject "broker-traces"');
});

it('a new password for the workers, while jobs come', async () => {
  const { NATS_WORKER_PASSWORD = '' } = await site.variables();
  const load = edge.load('echo');
  await nats.step('rotate-make');
  await twice(nats, 'rotate-add');
  for (const host of workers) {
    await site.hand(nats, host, '/etc/throughline/worker-2.password');
    await host.step('rotate-use');
  }
  expect(await site.isRefused('worker', NATS_WORKER_PASSWORD)).toBe(false);
  await nats.step('rotate-remove');
  for (const job of await load.end()) expect(job).toMatchObject({ state: 'succeeded' });
  await until('the old user to be refused', () => site.isRefused('worker', NATS_WORKER_PASSWORD));
});

it('two groups instead of one: what came meanwhile runs', async () => {
  await stopWorkers();
  const waiting = await edge.submit('text.count', { text: 'it waits' });
  taken.add('split');
  await site.asSetup((await readSteps()).get('split') ?? '');
  await first.step('split-old');
  await second.step('split-new');
  expect(await edge.ended(waiting)).toMatchObject({ state: 'succeeded' });
  expect(await edge.run('echo', 1)).toMatchObject({ state: 'succeeded' });
  expect(await site.asSetup('npx throughline groups list')).toMatch(/^texts +text\.> /m);
});

it('a backup', async () => {
  await twice(nats, 'operator');
  await until('the new user', async () => await nats.step('backup').then(() => true));
});

it('three servers instead of one: what was there is there, and what came meanwhile runs', async () => {
  const before = await edge.run('echo', 'before');
  const cluster = await SiteCluster.make(site);
  await stopWorkers();
  const queued = await edge.submit('echo', 'queued');
  await twice(nats, 'aside');
  const outboxed = await edge.submit('echo', 'meanwhile');
  expect(outboxed.durability).toBe('outbox');
  await nats.step('backup-aside');
  await nats.step('put-away');
  await cluster.start();
  await until('the restore', async () => await nats.step('restore').then(() => true));
  expect(await nats.step('setup')).toMatch(/^JOBS .*3 copies/m);
  for (const host of workers) {
    await host.fill('/etc/throughline/worker.env', { NATS_URL: site.addresses(NUMBERS, 'tls') });
    await host.step('worker-start');
  }
  await edge.deploy(NUMBERS);
  for (const job of [queued, outboxed]) expect(await edge.ended(job)).toMatchObject({ state: 'succeeded' });
  expect(await edge.job(before.id)).toMatchObject({ state: 'succeeded', result: 'before' });
});

it(`nats-server ${NEW} instead of ${OLD}, one server after the other`, async () => {
  const { path: program } = await locateNatsServer({ environment: hostEnvironment(), version: NEW });
  for (const number of NUMBERS) {
    const host = await site.natsHost(number);
    await host.step('upgrade-nats', path.dirname(program));
    await site.untilWell();
  }
  expect(await site.asSetup('npx throughline setup --check')).toContain(`nats-server ${NEW}`);
  const report = await nats.step('report');
  for (const number of NUMBERS) expect(report).toContain(`nats-${number}`);
  expect(await edge.run('echo', 'after')).toMatchObject({ state: 'succeeded' });
});

it('and these were all steps of the page', async () => {
  expect([...taken].sort()).toEqual([...(await readSteps()).keys()].sort());
});
