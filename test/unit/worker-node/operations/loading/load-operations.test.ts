import { spawnSync } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { loadOperations } from '../../../../../worker-node/operations/loading/load-operations.ts';
import { createRegistry } from '../../../../../worker-node/operations/operation-registry.ts';
import { refusalOf } from '../../../support.ts';
import { API, folderWith, moduleOf, SCHEMA } from './operation-folder.ts';

/** What was said about operations that are not loaded. */
const remarks: string[] = [];
const load = (folder: string) => loadOperations(folder, (sentence) => void remarks.push(sentence));
const namesIn = async (folder: string) => (await load(folder)).map(({ operation }) => operation.name);

afterEach(async () => {
  remarks.length = 0;
});

describe('loading a folder', () => {
  it('loads every operation that its files export, under any name', async () => {
    const folder = await folderWith({
      'one.ts': `${moduleOf('one')}\nexport default op0;\nexport const helper: number = 7;`,
      'two.mjs': moduleOf('two', 'three'),
    });
    expect(await namesIn(folder)).toEqual(['one', 'two', 'three']);
  });

  it.skipIf(process.platform === 'win32')(
    'refuses what is no file: a pipe, or a link to a device',
    async () => {
      const [pipe, link] = [await folderWith({}), await folderWith({})];
      spawnSync('mkfifo', [path.join(pipe, 'pipe.ts')]);
      await symlink('/dev/zero', path.join(link, 'zero.mjs'));
      for (const folder of [pipe, link])
        await expect(load(folder)).rejects.toThrow(/is no file that can be read to its end/);
    },
  );

  it('does not wait for a pipe in a folder below, and does not search a whole file system', async () => {
    const folder = await folderWith({ 'one.js': moduleOf('one') });
    await mkdir(path.join(folder, 'below'));
    spawnSync('mkfifo', [path.join(folder, 'below/pipe.ts')]);
    await symlink('/proc', path.join(folder, 'processes'));
    expect(await namesIn(folder)).toEqual(['one']);
  });

  it('says where a file that only helps may lie', async () => {
    const helps = 'export const vat = 1;';
    const folder = await folderWith({ 'one.ts': moduleOf('one'), 'vat.ts': helps });
    const lib = path.join(folder, 'lib');
    await expect(load(folder)).rejects.toThrow(`if the file only helps others, move it to ${lib}`);
    await rm(path.join(folder, 'vat.ts'));
    await mkdir(lib);
    await writeFile(path.join(lib, 'vat.ts'), helps);
    expect(await namesIn(folder)).toEqual(['one']);
    expect(remarks).toEqual([]);
  });

  it('ignores tests, declarations, and files that are not programs', async () => {
    const folder = await folderWith({
      'one.js': moduleOf('one'),
      'one.test.ts': 'throw new Error("a test was loaded")',
      'two.spec.mts': 'throw new Error("a test was loaded")',
      'one.d.ts': 'export declare const one: number;',
      'README.md': '# Operations',
      'data.json': '{}',
    });
    await mkdir(path.join(folder, 'nested'));
    expect(await namesIn(folder)).toEqual(['one']);
  });

  it('gives nothing for an empty folder, and says so', async () => {
    const folder = await folderWith({});
    expect(await namesIn(folder)).toEqual([]);
    expect(remarks).toEqual([
      `the folder ${folder} holds no operation file (.ts, .js, .mts, .mjs, .cts, .cjs)`,
    ]);
  });

  it.each(['cjs', 'cts'])('loads what a CommonJS module exports: .%s', async (ending) => {
    const require = `const { defineOperation } = require(${JSON.stringify(fileURLToPath(API))});`;
    const definition = (name: string) =>
      `defineOperation({ name: '${name}', input: ${SCHEMA}, run: () => null })`;
    const folder = await folderWith({
      [`one.${ending}`]: `${require}\nmodule.exports = ${definition('one')};`,
      [`two.${ending}`]: `${require}\nmodule.exports = { a: ${definition('two')}, b: ${definition('three')} };`,
      [`four.${ending}`]: `${require}\nexports.op = ${definition('four')};`,
    });
    expect((await namesIn(folder)).sort()).toEqual(['four', 'one', 'three', 'two']);
    expect(remarks).toEqual([]);
  });

  it('says which operations lie where they are not loaded', async () => {
    const folder = await folderWith({
      'one.ts': moduleOf('one'),
      'two.tsx': moduleOf('two'),
      'helper.jsx': '',
    });
    const nested = path.join(folder, 'images', 'small');
    await mkdir(nested, { recursive: true });
    await writeFile(path.join(nested, 'thumb.ts'), moduleOf('thumb'));
    await writeFile(path.join(nested, 'helper.ts'), 'export const helper = 7;');
    await writeFile(path.join(nested, 'thumb.test.ts'), moduleOf('test'));
    expect(await namesIn(folder)).toEqual(['one']);
    expect(remarks).toEqual([
      `${path.join(nested, 'thumb.ts')} defines an operation that is not loaded: only the files of ${folder} itself are loaded; move it there`,
      `${path.join(folder, 'two.tsx')} defines an operation that is not loaded: Node cannot load a file of this kind; it must be .ts, .js, .mts, .mjs, .cts or .cjs`,
    ]);
  });

  it('says it of the folder as its name is completed, with a slash', async () => {
    const folder = await folderWith({ 'one.tsx': moduleOf('one') });
    await load(`${folder}/`);
    expect(remarks[0]).toContain('Node cannot load a file of this kind');
  });

  it('follows links to files and to folders', async () => {
    const other = await folderWith({ 'one.mjs': moduleOf('one') });
    const folder = await folderWith({});
    await symlink(path.join(other, 'one.mjs'), path.join(folder, 'linked.mjs'));
    await symlink(other, path.join(folder, 'more.ts'));
    expect(await namesIn(folder)).toEqual(['one']);
    expect(remarks).toEqual([
      `${path.join(folder, 'more.ts', 'one.mjs')} defines an operation that is not loaded: only the files of ${folder} itself are loaded; move it there`,
    ]);
  });

  it('says which link leads to no file', async () => {
    const folder = await folderWith({});
    await symlink(path.join(folder, 'missing'), path.join(folder, 'one.mjs'));
    const { code, message } = await refusalOf(() => load(folder));
    expect([code, message]).toEqual([
      'config-invalid',
      `${path.join(folder, 'one.mjs')} is a link to a file that cannot be found`,
    ]);
  });

  it('returns both of two operations with the same name, and the registry refuses them', async () => {
    const folder = await folderWith({ 'a.ts': moduleOf('same'), 'b.ts': moduleOf('same') });
    const loaded = await load(folder);
    expect((await refusalOf(() => createRegistry([], loaded))).message).toContain('same');
  });

  it('passes on the error of a wrong definition', async () => {
    const folder = await folderWith({ 'bad.ts': moduleOf('Bad Name') });
    expect((await refusalOf(() => load(folder))).message).toContain('"Bad Name"');
  });

  it('says that a file is not a folder', async () => {
    const file = path.join(await folderWith({ 'one.ts': moduleOf('one') }), 'one.ts');
    expect((await refusalOf(() => load(file))).message).toContain(
      `${file} cannot be read: it is a file; name the folder`,
    );
  });

  it('says that a folder does not exist', async () => {
    const missing = path.join(await folderWith({}), 'missing');
    const error = await refusalOf(() => load(missing));
    expect(error).toMatchObject({ code: 'config-invalid' });
    expect(error.message).toContain(missing);
  });
});
