import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../../support/poll.ts';

const PARTS = ['the edge', 'worker', 'nats-server', 'the trace collector'];

/** Runs `npm run dev` in a group of processes of its own, as a shell does, until the test ends. */
async function npmRunDev() {
  const args = ['run', 'dev', '--silent', '--', '--port', '0', '--json'];
  const child = spawn('npm', args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const group = -(child.pid ?? 0);
  onTestFinished(() => {
    try {
      process.kill(group, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  // The pipe ends with the last process that has it.
  const closed = once(child, 'close').then(() => true);
  const { url } = JSON.parse(line) as { readonly url: string };
  return { child, group, url, closed, said: () => said };
}

/** The parts whose end was told, each as often as it was. */
function stopped(said: string): string[] {
  return [...said.matchAll(/^stopped (\D+?)(?: \d+)?$/gm)].map(([, part = '']) => part);
}

it('SIGTERM to npm itself stops all parts of npm run dev in order', async () => {
  const { child, url, closed, said } = await npmRunDev();
  child.kill('SIGTERM');
  await until('the end of the last part', () => stopped(said()).includes('the trace collector'));
  expect(await closed).toBe(true);
  expect(stopped(said())).toEqual(PARTS);
  await expect(fetch(url)).rejects.toThrow();
});

it('Ctrl-C in npm run dev, which npm passes on once more, stops each part once and in order', async () => {
  const { group, closed, said } = await npmRunDev();
  process.kill(group, 'SIGINT');
  expect(await closed).toBe(true);
  expect(stopped(said())).toEqual(PARTS);
});

it('the scripts that run the stack or a worker take the place of the shell that npm starts, here and in a new project', async () => {
  const scriptsOf = async (manifest: string): Promise<Record<string, string>> =>
    JSON.parse(await readFile(manifest, 'utf8')).scripts;
  const { dev, demo } = await scriptsOf('package.json');
  const inProject = await scriptsOf('create/template/package.json');
  for (const script of [dev, demo, inProject.dev, inProject.worker]) expect(script).toMatch(/^exec /);
});
