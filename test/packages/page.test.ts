import { cp, readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { buildWithoutEngine, readDockerfile } from '../support/deploy/dockerfile.ts';
import { blockOf, blocksOf } from '../support/docs/pages.ts';
import { UserProject } from './support/user-project.ts';

const PAGE = 'docs/PACKAGES.md';
/** The oldest line of Node that the packages are for. */
const NODE = 'node@22';

let home: UserProject;
/** It stands for the checkout, from which the page uses the command line and the packed packages only. */
let checkout: UserProject;

beforeAll(async () => {
  home = await UserProject.create();
  checkout = UserProject.at(path.join(home.folder, 'throughline'));
  await checkout.write('package.json', JSON.stringify({ private: true }));
  await symlink(inject('packed'), path.join(checkout.folder, 'packed'));
  await checkout.install(['throughline', NODE]);
});
afterAll(() => home.remove());

test('every block of commands of the page is run: here, or when the packages are packed', () => {
  const names = blocksOf(PAGE).flatMap(({ language, words }) => (language === 'sh' ? [words.join(' ')] : []));
  expect(names).toEqual(['pack', 'project', 'install']);
});

test('a project is made, installed and tested with the commands of the page', async () => {
  expect(await checkout.run('npm', 'exec', '--', 'node', '--version')).toMatch(/^v22\./);
  const said = await checkout.run('sh', '-e', '-c', blockOf(PAGE, 'sh project'));
  expect(said).toMatch(/pass 3\n/);
});

test('the steps of its Dockerfile make a worker that loads its operations', async () => {
  const project = path.join(home.folder, 'my-jobs');
  const context = path.join(home.folder, 'context');
  for (const name of await sentToEngine(project))
    await cp(path.join(project, name), path.join(context, name), { recursive: true });
  const scratch = path.join(home.folder, 'stages');
  const instructions = await readDockerfile(path.join(project, 'Dockerfile'));
  const built = await buildWithoutEngine(instructions, { context, scratch, environment: hostEnvironment() });
  const image = UserProject.at(built.folder);
  const environment = { ...built.environment, NATS_URL: 'nats://127.0.0.1:1' };
  const [program = '', ...args] = built.command;
  await expect(image.runWith(environment, program, ...args)).rejects.toThrow(
    'cannot connect to NATS at nats://127.0.0.1:1',
  );
});

/** The entries of a project that Docker gives to its engine. */
async function sentToEngine(project: string): Promise<string[]> {
  const lines = (await readFile(path.join(project, '.dockerignore'), 'utf8')).trim().split('\n');
  expect(lines.shift()).toBe('*');
  return lines.map((line) => line.replace(/^!/, ''));
}

test('the packages are installed into another project with the commands of the page', async () => {
  const other = UserProject.at(path.join(home.folder, 'other'));
  await other.write('package.json', JSON.stringify({ private: true, type: 'module' }));
  await other.run('sh', '-e', '-c', blockOf(PAGE, 'sh install'));
  expect(await other.run('npx', 'throughline', 'dev', '--help')).toContain('Runs nats-server');
});
