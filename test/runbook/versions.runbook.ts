import { cp, mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ROOT, type RunbookHost } from '../support/deploy/runbook.ts';
import { Site } from '../support/deploy/site.ts';
import { SiteEdge } from '../support/deploy/site-edge.ts';
import { nameOf, TESTED_SERVERS } from '../support/nats/servers.ts';

/** workerd trusts the authority of the first site only, so all sites have it. */
let authority: RunbookHost | undefined;

async function certificates(site: Site, nats: RunbookHost): Promise<void> {
  if (authority === undefined) await nats.step('certificates');
  else await site.hand(authority, nats, '/etc/throughline/tls');
  authority ??= nats;
}

/** What the step `worker-files` does, with the packages of this copy of the project. */
async function workerFiles(host: RunbookHost): Promise<void> {
  for (const folder of ['/opt/throughline', '/etc/throughline', '/etc/systemd/system'])
    await mkdir(host.at(folder), { recursive: true });
  for (const name of ['package.json', 'shared', 'client', 'worker-node', 'cli', 'create', 'node_modules'])
    await symlink(path.join(ROOT, name), host.at(`/opt/throughline/${name}`));
  await symlink(path.join(ROOT, 'examples/operations'), host.at('/opt/throughline/operations'));
  const worker = path.join(ROOT, 'deploy/worker');
  await cp(`${worker}/worker.env.example`, host.at('/etc/throughline/worker.env'));
  await cp(`${worker}/throughline-worker.service`, host.at('/etc/systemd/system/throughline-worker.service'));
}

it.for(TESTED_SERVERS.map((server) => ({ ...server, name: nameOf(server) })))(
  'the short path of the runbook with $name: one server, its streams, a worker, a job, and a restart of each',
  async (server) => {
    const site = await Site.make(server, new Set());
    const nats = await site.natsHost(1);
    await certificates(site, nats);
    await nats.step('nats-files');
    await site.fillNats(1);
    await nats.step('nats-start');
    expect(await nats.step('setup')).toContain(`nats-server ${server.version}, one server`);
    const worker = await site.workerHost(1);
    await workerFiles(worker);
    await site.fillWorker(worker);
    await worker.step('worker-start');
    const edge = await SiteEdge.make(site, await nats.step('api-key'));
    await edge.deploy([1]);
    expect(await edge.run('echo', 'a')).toMatchObject({ state: 'succeeded', result: 'a', attempt: 1 });
    await worker.step('rolling-restart');
    await nats.shell('systemctl restart nats-server');
    expect(await edge.run('echo', 'b')).toMatchObject({ state: 'succeeded', result: 'b' });
    expect(await nats.log('nats-server')).not.toContain('Violation');
  },
);
