import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { registryText } from '../../../../cli/types/registry-text.ts';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, serve } from '../../../support/cli/servers.ts';
import { announced } from '../../../types/schemas.ts';

const TEXT = registryText(announced());

async function setup() {
  const folder = await mkdtemp(path.join(tmpdir(), 'throughline-types-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const api = await serve(() => answer(200, { operations: announced() }));
  return { file: path.join(folder, 'operations.d.ts'), api };
}

it('prints the types of the operations', async () => {
  const { api } = await setup();
  const { code, stdout, stderr } = await callHere(api, ['types']);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: TEXT, stderr: '' });
  expect(api.seen.map(({ path: asked }) => asked)).toEqual(['/v1/operations']);
});

it('writes them to a file, and says whether that has changed', async () => {
  const { api, file } = await setup();
  const args = ['types', '--out', file];
  expect((await callHere(api, args)).stdout).toBe(`${file} has 4 operations now\n`);
  expect(await readFile(file, 'utf8')).toBe(TEXT);
  expect((await callHere(api, args)).stdout).toBe(`${file} is up to date: 4 operations\n`);
  const { stdout } = await callHere(api, [...args, '--json']);
  expect(JSON.parse(stdout)).toEqual({ file, operations: 4, changed: false });
});

it.each([
  ['out of date', 'other', 1],
  ['not there', undefined, 1],
  ['up to date', TEXT, 0],
])('ends with 1 for --check when the file is %s, and changes nothing', async (words, content, exit) => {
  const { api, file } = await setup();
  if (content !== undefined) await writeFile(file, content);
  const { code, stdout } = await callHere(api, ['types', '--out', file, '--check']);
  expect(code).toBe(exit);
  expect(stdout).toContain(
    words === 'up to date' ? 'is up to date' : `run \`throughline types --out ${file}\``,
  );
  expect(await readFile(file, 'utf8').catch(() => undefined)).toBe(content);
});

it.each([
  ['no file to check', ['--check'], '--check needs --out'],
  ['a folder in place of the file', ['--out', tmpdir()], 'cannot be read'],
  [
    'a folder that is not there',
    ['--out', '/no/such/folder/a.ts'],
    'cannot be written: its folder does not exist',
  ],
])('refuses %s in one sentence', async (_, args, sentence) => {
  const { api } = await setup();
  const { code, stderr } = await callHere(api, ['types', ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(sentence);
});
