import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { defineOperation } from '../../../../worker-node/operations/operation.ts';
import { createRegistry, loadOperations } from '../../../../worker-node/operations/operation-registry.ts';
import { refusalOf } from '../../support.ts';

const operation = (name: string) => defineOperation({ name, input: z.unknown(), run: () => null });

const API = new URL('../../../../worker-node/index.ts', import.meta.url).href;
const SCHEMA = "{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }";

/** The text of a module that defines operations with these names. */
const moduleOf = (...names: string[]): string =>
  [
    `import { defineOperation } from ${JSON.stringify(API)};`,
    ...names.map(
      (name, index) =>
        `export const op${index} = defineOperation({ name: '${name}', input: ${SCHEMA}, run: () => null });`,
    ),
  ].join('\n');

const folders: string[] = [];

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'throughline-operations-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  return folder;
}

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

describe('a registry', () => {
  it('knows operations by name', () => {
    const [echo, add] = [operation('echo'), operation('math.add')];
    expect([...createRegistry([echo, add])]).toEqual([
      ['echo', echo],
      ['math.add', add],
    ]);
  });

  it('refuses two operations of the same name', async () => {
    const error = await refusalOf(() => createRegistry([operation('echo'), operation('echo')]));
    expect(error).toMatchObject({ code: 'config-invalid' });
    expect(error.message).toContain('echo');
  });
});

describe('loading a folder', () => {
  it('loads every operation that its files export, under any name', async () => {
    const folder = await folderWith({
      'one.ts': `${moduleOf('one')}\nexport default op0;\nexport const helper: number = 7;`,
      'two.mjs': moduleOf('two', 'three'),
    });
    expect((await loadOperations(folder)).map(({ name }) => name)).toEqual(['one', 'two', 'three']);
  });

  it('ignores tests, declarations, and files that are not programs', async () => {
    const folder = await folderWith({
      'one.js': moduleOf('one'),
      'one.test.ts': 'throw new Error("a test was loaded")',
      'one.d.ts': 'export declare const one: number;',
      'README.md': '# Operations',
      'data.json': '{}',
    });
    await mkdir(path.join(folder, 'nested'));
    expect((await loadOperations(folder)).map(({ name }) => name)).toEqual(['one']);
  });

  it('gives nothing for an empty folder', async () => {
    expect(await loadOperations(await folderWith({}))).toEqual([]);
  });

  it('returns both of two operations with the same name, and the registry refuses them', async () => {
    const folder = await folderWith({ 'a.ts': moduleOf('same'), 'b.ts': moduleOf('same') });
    const loaded = await loadOperations(folder);
    expect((await refusalOf(() => createRegistry(loaded))).message).toContain('same');
  });

  it.each([
    ['a syntax error', 'export const = ;'],
    ['a throw', 'throw new Error("not today");'],
    ['an import of what is not there', 'import "../../missing.ts"; export {};'],
    ['no export', 'const unused = 1;'],
    ['an export of something else', 'export const run = () => 7;'],
  ])('names the file with %s', async (_what, text) => {
    const folder = await folderWith({ 'broken.ts': text });
    const error = await refusalOf(() => loadOperations(folder));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toContain(path.join(folder, 'broken.ts'));
  });

  it('passes on the error of a wrong definition', async () => {
    const folder = await folderWith({ 'bad.ts': moduleOf('Bad Name') });
    expect((await refusalOf(() => loadOperations(folder))).message).toContain('"Bad Name"');
  });

  it('names a folder that cannot be read', async () => {
    const missing = path.join(await folderWith({}), 'missing');
    const error = await refusalOf(() => loadOperations(missing));
    expect(error).toMatchObject({ code: 'config-invalid' });
    expect(error.message).toContain(missing);
  });
});
