import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { createProject } from '../../create/project.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { testNatsBinary } from '../support/nats/nats.ts';
import { ACTIONLINT, COMPOSE, workplace } from './support/workplace.ts';

describe('the files for machines that a new project has', () => {
  let project: string;
  beforeAll(async () => {
    project = path.join(await scratchFolder(), 'my-jobs');
    await createProject(project);
  });

  it('are workflows in which GitHub finds no mistake', async ({ skip }) => {
    const { folder, run } = await workplace(ACTIONLINT, skip);
    await cp(path.join(project, '.github'), path.join(folder, '.github'), { recursive: true });
    const check = 'go tool actionlint .github/workflows/deploy.yml .github/workflows/release.yml';
    expect(await run(check)).toBe('');
    const release = path.join(folder, '.github/workflows/release.yml');
    await writeFile(release, (await readFile(release, 'utf8')).replaceAll('runs-on:', 'run-on:'));
    await expect(run(check)).rejects.toThrow('run-on');
  });

  it('are a compose file whose files are there and whose ports only this machine reaches', async ({
    skip,
  }) => {
    const { folder, run } = await workplace(COMPOSE, skip);
    await cp(project, path.join(folder, 'project'), { recursive: true });
    const printed = await run('cd project; go tool cmd -no-interpolation -format json compose.yaml');
    const { services } = JSON.parse(printed);
    expect(Object.keys(services).sort()).toEqual(['nats', 'worker']);
    for (const { host_ip } of services.nats.ports) expect(host_ip).toBe('127.0.0.1');
    const [{ source }] = services.nats.volumes;
    await run(`test -f ${source}`);
  });

  it('are a configuration that nats-server takes', async () => {
    const file = path.join(project, 'nats/nats.conf');
    const { stderr } = await promisify(execFile)(testNatsBinary().path, ['-t', '-c', file]);
    expect(stderr).toMatch(/configuration file .* is valid/);
  });
});
